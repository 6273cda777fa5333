import { defineConfig } from 'vitest/config'
import { sharedWithPostgres } from '../../vitest.shared.ts'

export default defineConfig({
  ...sharedWithPostgres,
  // One file at a time: the tests measure time.
  test: { ...sharedWithPostgres.test, fileParallelism: false },
})
