import { defineConfig } from 'tsdown'

const shared = {
  dts: true,
  fixedExtension: false,
  target: 'node20.19',
  // In CI a warning would fail the build, and there is one about every CommonJS build.
  failOnWarn: false,
} as const

export default defineConfig([
  { ...shared, entry: ['src/index.ts', 'src/bin.ts'], format: 'esm' },
  // The program itself is run, not required.
  { ...shared, entry: 'src/index.ts', format: 'cjs', clean: false },
])
