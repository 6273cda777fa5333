import { defineConfig } from 'vitest/config'
import { sharedWithPostgres } from '../vitest.shared.ts'

export default defineConfig({
  ...sharedWithPostgres,
  test: { ...sharedWithPostgres.test, fileParallelism: false },
})
