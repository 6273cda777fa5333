import { defineConfig } from 'tsdown'

const shared = {
  fixedExtension: false,
  target: 'node20.19',
  // In CI a warning would fail the build, and there is one about every CommonJS build.
  failOnWarn: false,
} as const

export default defineConfig([
  { ...shared, entry: 'src/index.ts', format: ['esm', 'cjs'], dts: true },
  { ...shared, entry: 'src/bin.ts', format: 'esm', dts: false, clean: false },
])
