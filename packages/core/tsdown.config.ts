import { defineConfig } from 'tsdown'

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    'adapter/index': 'src/adapter/index.ts',
    'processes/index': 'src/processes/index.ts',
    'testing/index': 'src/testing/index.ts',
  },
  format: ['esm', 'cjs'],
  dts: true,
  fixedExtension: false,
  target: 'node20.19',
  // In CI a warning would fail the build, and there is one about every CommonJS build.
  failOnWarn: false,
})
