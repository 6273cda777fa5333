import { defineConfig } from 'vitest/config'
import { sharedWithPostgres } from '../../vitest.shared.ts'

/** The proof in its full size: `npm run test:long`. */
export default defineConfig({
  ...sharedWithPostgres,
  test: {
    ...sharedWithPostgres.test,
    include: ['test/many-jobs.test.ts'],
    env: { JOBS: '10000' },
    testTimeout: 600_000,
    reporters: ['default'],
  },
})
