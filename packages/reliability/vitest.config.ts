import { defineConfig } from 'vitest/config'
import { sharedWithPostgres } from '../../vitest.shared.ts'

export default defineConfig({
  ...sharedWithPostgres,
  test: {
    ...sharedWithPostgres.test,
    globalSetup: ['@sherd/local-servers/vitest', './test/faults/support/second-server.ts'],
    // One file at a time: the tests measure time.
    fileParallelism: false,
  },
})
