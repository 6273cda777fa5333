export { forgetDefaultSharding } from '../default-sharding.ts'
export { type Answer, HEADERS_OF_ANOTHER_BODY, sendAnswer } from './answer.ts'
export { answerProblem, type ProblemOptions, problemFor } from './answer-problem.ts'
export {
  bindNodeRequest,
  checkOutNodeRequest,
  enterNodeRequest,
  shardOf,
  withNodeRequest,
} from './bind-node-request.ts'
export {
  type Check,
  healthCheck,
  livenessCheck,
  type ReadinessOptions,
  readinessCheck,
  type ShardHealthOptions,
} from './health-answers.ts'
export type { NodeHost } from './node-request-binding.ts'
export { type Problem, toProblem } from './problem.ts'
export type {
  ReadFromReplicasOptions,
  StampCookieOptions,
  WriteStampStore,
} from './read-from-replicas.ts'
export type { RequestOptions, RequestParts, RequestShard, TenantSource } from './request-options.ts'
export { type PreparedRequests, prepareRequests } from './request-plan.ts'
export {
  type Shutdown,
  type ShutdownOptions,
  type ShutdownTarget,
  shutdownOnSignals,
} from './shutdown-on-signals.ts'
export { withRequest } from './with-request.ts'
