import {
  FanOutCancelledError,
  FanOutIncompleteError,
  type FanOutResult,
  FanOutTimeoutError,
  ShardingError,
} from '../errors.ts'

// What callers of a fan-out are told, and why a shard is missing.

export function shardTimeoutError(shard: string, ms: number): FanOutTimeoutError {
  return new FanOutTimeoutError(
    `Shard "${shard}" took longer than ${ms} ms and was stopped. Make its work smaller, or raise shardTimeoutMs.`,
    { shard, retryAfter: 1 },
  )
}

export function totalTimeoutError(shard: string, ms: number, hasBegun: boolean): FanOutTimeoutError {
  const state = hasBegun ? 'had not finished, and was stopped,' : 'had not had its turn'
  return new FanOutTimeoutError(
    `Shard "${shard}" ${state} when the ${ms} ms for all shards were over. Ask for less, or raise totalTimeoutMs or ` +
      'concurrency.',
    { shard, retryAfter: 1 },
  )
}

export function cancelledError(shard: string, why: string, cause: unknown): FanOutCancelledError {
  return new FanOutCancelledError(`Shard "${shard}" was stopped, or not begun: ${why}.`, { shard, cause })
}

/** How many shards a message names with what they failed with; all are in `result`. */
const DESCRIBED = 5

export function incompleteError(result: FanOutResult, required: number): FanOutIncompleteError {
  const { totalShards, successfulShards } = result.metadata
  const missing = result.outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome] : []))
  const failed = missing.filter(({ reason }) => !(reason instanceof FanOutCancelledError))
  const cancelled = missing.filter(({ reason }) => reason instanceof FanOutCancelledError)
  const described = failed
    .slice(0, DESCRIBED)
    .map(
      ({ shard, reason }) =>
        `\n  ${shard}: ${reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason)}`,
    )
  if (failed.length > DESCRIBED) described.push(`\n  … and ${failed.length - DESCRIBED} more`)
  if (cancelled.length > 0)
    described.push(`\n  stopped or not begun: ${cancelled.map(({ shard }) => shard).join(', ')}`)
  const wanted =
    required === totalShards ? 'all of them' : required === 1 ? 'at least one' : `at least ${required}`
  const [first] = failed
  const isOutOfReach = failed.every(
    ({ reason }) => reason instanceof ShardingError && reason.statusCode === 503,
  )
  return new FanOutIncompleteError(
    `${successfulShards} of ${totalShards} shards have answered, and ${wanted} had to:${described.join('')}`,
    {
      result,
      ...(first === undefined ? {} : { cause: first.reason }),
      ...(isOutOfReach ? { status: 503, retryAfter: longestWait(failed) } : {}),
    },
  )
}

function longestWait(failed: readonly { readonly reason: unknown }[]): number {
  return Math.max(
    1,
    ...failed.map(({ reason }) => (reason instanceof ShardingError ? (reason.retryAfter ?? 1) : 1)),
  )
}
