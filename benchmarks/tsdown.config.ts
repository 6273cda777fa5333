import { defineConfig } from 'tsdown'

/**
 * What is measured runs as users run it: compiled by what compiles the published packages, without a loader. Each
 * entry is a process.
 */
export default defineConfig({
  entry: {
    'pool-process': 'src/pool/pool-process.ts',
    'host-process': 'src/http/host-process.ts',
    'load-process': 'src/load/load-process.ts',
    'scale-process': 'src/scale/scale-process.ts',
  },
  format: 'esm',
  dts: false,
  fixedExtension: true,
  target: 'node20.19',
  noExternal: [/^@sherd\//],
  logLevel: 'warn',
})
