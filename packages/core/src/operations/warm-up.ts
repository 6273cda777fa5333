import { codeOf } from '../breaker/failure-codes.ts'
import { StartupFailedError } from '../errors.ts'
import type { PoolRegistry } from '../pool/pool-registry.ts'
import { findShard } from '../topology/find-shard.ts'
import type { Shard, Topology } from '../topology/topology.ts'
import { type Clock, systemClock } from '../util/clock.ts'
import { eachLimited } from '../util/each-limited.ts'

export interface WarmUpOptions {
  /** Their names. @default all whose `startup` is not `lazy` */
  readonly shards?: readonly string[]
  /** Shards at a time; whichever is done, the next one begins. @default 8 */
  readonly concurrency?: number
  /** Milliseconds for all of it: a shard that is not done by then has failed. @default 10000 */
  readonly timeoutMs?: number
  /** Called when a shard is done. What it throws becomes a warning of the process. */
  readonly onProgress?: (progress: WarmUpProgress) => void
}

export interface WarmUpProgress {
  readonly shard: string
  readonly outcome: WarmUpOutcome
  /** Shards that are done, this one included. */
  readonly doneCount: number
  readonly totalCount: number
}

export type WarmUpOutcome = {
  /** Connections that were opened, on all servers of the shard; less than `min` where some were open before. */
  readonly opened: number
  readonly durationMs: number
} & (
  | { readonly status: 'ready' }
  | {
      readonly status: 'failed'
      /** The server that failed: `shard_0`, `shard_0/replica-0`. */
      readonly endpoint: string
      /** What it failed with: `ECONNREFUSED`, `28P01`, `ETIMEDOUT`, `SHARD_ERR_CIRCUIT_OPEN`; else `UNKNOWN`. */
      readonly code: string
    }
)

export interface WarmUpReport {
  /** By name, in the order of the configuration. */
  readonly shards: Readonly<Record<string, WarmUpOutcome>>
}

export interface WarmUpParts {
  readonly topology: Topology
  readonly pools: PoolRegistry
  readonly clock?: Clock
}

const CONCURRENCY = 8
const TIMEOUT_MS = 10_000

interface Failure {
  readonly endpoint: string
  readonly code: string
  readonly error: unknown
}

/**
 * Opens connections to all servers of the shards, up to `min` of each, and at least one, which shows that they answer.
 * Rejects with StartupFailedError when a shard failed whose `startup` is `fail`, once all are done.
 */
export async function warmUp(
  { topology, pools, clock = systemClock }: WarmUpParts,
  { shards: names, concurrency = CONCURRENCY, timeoutMs = TIMEOUT_MS, onProgress }: WarmUpOptions = {},
): Promise<WarmUpReport> {
  if (!(Number.isInteger(concurrency) && concurrency > 0))
    throw new TypeError(`concurrency must be a whole number of 1 or more, not ${concurrency}.`)
  if (!(timeoutMs > 0)) throw new TypeError(`timeoutMs must be more than 0 milliseconds, not ${timeoutMs}.`)
  const shards = chosen(topology, names)
  const deadline = clock.now() + timeoutMs
  const failed = new Map<Shard, Failure>()
  let doneCount = 0
  const outcomes = await eachLimited(shards, concurrency, async (shard) => {
    const startedAt = clock.now()
    const { opened, failure } = await warmShard(shard, { pools, clock, deadline })
    const durationMs = clock.now() - startedAt
    if (failure !== undefined) failed.set(shard, failure)
    const outcome: WarmUpOutcome =
      failure === undefined
        ? { status: 'ready', opened, durationMs }
        : { status: 'failed', opened, durationMs, endpoint: failure.endpoint, code: failure.code }
    doneCount++
    tell(onProgress, { shard: shard.name, outcome, doneCount, totalCount: shards.length })
    return [shard.name, outcome] as const
  })
  const fatal = shards.flatMap((shard) => {
    const failure = shard.config.startup === 'fail' ? failed.get(shard) : undefined
    return failure === undefined ? [] : [{ shard: shard.name, ...failure }]
  })
  if (fatal.length > 0) throw startupFailed(fatal)
  return { shards: Object.fromEntries(outcomes) }
}

/** In the order of the configuration, each once. Throws ShardUnknownError. */
function chosen(topology: Topology, names: readonly string[] | undefined): readonly Shard[] {
  const wanted = new Set(names?.map((name) => findShard(topology, name)))
  return [...topology.shards.values()].filter((shard) =>
    names === undefined ? shard.config.startup !== 'lazy' : wanted.has(shard),
  )
}

interface Warming {
  readonly pools: PoolRegistry
  readonly clock: Clock
  readonly deadline: number
}

async function warmShard(shard: Shard, { pools, clock, deadline }: Warming) {
  let opened = 0
  const timeoutMs = deadline - clock.now()
  const describe = (endpoint: string, error: unknown): Failure => ({
    endpoint,
    code: codeOf(error) ?? (clock.now() < deadline ? 'UNKNOWN' : 'ETIMEDOUT'),
    error,
  })
  if (timeoutMs <= 0) return { opened, failure: describe(shard.name, new Error('its turn never came')) }
  try {
    const warming = pools.all(shard).map(({ endpoint, guarded }) =>
      guarded
        .warm(timeoutMs, () => opened++)
        .then(
          () => undefined,
          (error) => describe(endpoint.id, error),
        ),
    )
    const failure = (await Promise.all(warming)).find((found) => found !== undefined)
    return { opened, failure }
  } catch (error) {
    // Settings that cannot be used.
    return { opened, failure: describe(shard.name, error) }
  }
}

function tell(onProgress: WarmUpOptions['onProgress'], progress: WarmUpProgress): void {
  try {
    onProgress?.(progress)
  } catch (error) {
    process.emitWarning(`onProgress of warmUp() threw: ${error}`, 'ShardingWarning')
  }
}

function startupFailed(failures: readonly (Failure & { readonly shard: string })[]): StartupFailedError {
  const named = failures.map(({ endpoint, code }) => `${endpoint} (${code})`).join(', ')
  const errors = failures.map(({ error }) => error)
  return new StartupFailedError(
    `Shards with \`startup: fail\` could not be warmed up: ${named}. See \`cause\`, or set \`startup: degraded\` to ` +
      'start without them.',
    {
      failures: failures.map(({ shard, code }) => ({ shard, code })),
      cause: errors.length === 1 ? errors[0] : new AggregateError(errors),
    },
  )
}
