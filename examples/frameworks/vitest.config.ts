import { sharedWithPostgres } from '../../vitest.shared.ts'

/** The contract measures time: one framework after the other. */
export default { ...sharedWithPostgres, test: { ...sharedWithPostgres.test, fileParallelism: false } }
