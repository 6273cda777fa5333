export { createTestSharding, type TestShardingOptions } from './create-test-sharding.ts'
export { type ExpectReleasedOptions, expectReleased } from './expect-released.ts'
export { failRouter } from './fail-router.ts'
export { type FailShardOptions, failShard, type ShardFailure } from './fail-shard.ts'
export { type ForcedScope, forceScope } from './force-scope.ts'
export type { Restorable } from './restorable.ts'
export {
  type TransactionalTests,
  type TransactionalTestsOptions,
  transactionalTests,
  withRollback,
} from './transactional-tests.ts'
