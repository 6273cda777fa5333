import { defineConfig } from 'tsdown'

export default defineConfig({
  entry: 'src/index.ts',
  format: ['esm', 'cjs'],
  dts: true,
  fixedExtension: false,
  target: 'node20.19',
  // In CI a warning would fail the build, and there is one about every CommonJS build.
  failOnWarn: false,
})
