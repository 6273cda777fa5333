import { randomUUID } from 'node:crypto'
import { FanOutCancelledError, type FanOutOutcome, type FanOutResult } from '../errors.ts'
import { currentBinding } from '../scope/scope-storage.ts'
import { checkFanOutOptions, checkFunction, FAN_OUT_RULES } from './check-fan-out-options.ts'
import { incompleteError } from './fan-out-errors.ts'
import type { FanOutMode, FanOutOptions, FanOutTarget } from './fan-out-options.ts'
import { fanOutOrigin } from './fan-out-origin.ts'
import type { FanOutParts } from './fan-out-parts.ts'
import { findPlaces } from './fan-out-places.ts'
import { FanOutRun, totalTimeoutOf } from './fan-out-run.ts'
import { inTime } from './in-time.ts'
import { metadataOf } from './metadata-of.ts'
import { assertSameColumns, columnsOf, type ShardColumns } from './same-columns.ts'

type Outcomes<T> = readonly FanOutOutcome<Awaited<T>>[]

/** {@link FanOutApi.fanOut} */
export async function fanOut<T>(
  parts: FanOutParts,
  options: FanOutOptions<Awaited<T>>,
  fn: (target: FanOutTarget) => T | PromiseLike<T>,
  rules: Parameters<typeof checkFanOutOptions>[1] = FAN_OUT_RULES,
): Promise<FanOutResult<Awaited<T>>> {
  checkFanOutOptions(options, rules, 'fanOut()')
  checkFunction(fn, 'fanOut()')
  const startedAt = performance.now()
  const totalMs = totalTimeoutOf(options)
  const origin = fanOutOrigin(parts.scopes, currentBinding())
  const key = keyOf(options)
  const places = await inTime(findPlaces(parts, options), { totalMs, signal: options.signal })
  const required = requiredOf(options.mode, places.length)

  const done = new Map(
    options.resume?.outcomes.flatMap((outcome) =>
      outcome.status === 'fulfilled' ? [[outcome.shard, outcome] as const] : [],
    ),
  )
  const run = new FanOutRun<T>({
    parts,
    origin,
    limits: options,
    places: places.filter(({ shard }) => !done.has(shard)),
    key,
    leftMs: totalMs === null ? undefined : Math.max(1, totalMs - (performance.now() - startedAt)),
    maxFailures: options.onFailure === 'continue' ? Number.POSITIVE_INFINITY : places.length - required,
    fn,
  })
  const asked = new Map((await run.settle()).map((outcome) => [outcome.shard, outcome]))
  const outcomes = places.map(({ shard }) => done.get(shard) ?? asked.get(shard)) as Outcomes<T>
  const result: FanOutResult<Awaited<T>> = Object.freeze({ key, outcomes, metadata: metadataOf(outcomes) })
  if (run.stopped !== undefined) {
    const { why, cause } = run.stopped
    throw new FanOutCancelledError(`The fan-out was stopped: ${why}.`, { cause, result })
  }
  if (result.metadata.successfulShards < required) throw incompleteError(result, required)
  if (options.columns !== 'any') assertColumns(outcomes)
  return result
}

/** What succeeded under one key is no part of a run with another. */
function keyOf({ key, resume }: Pick<FanOutOptions, 'key' | 'resume'>): string {
  if (key !== undefined && resume !== undefined && key !== resume.key)
    throw new TypeError(
      `The run that is resumed has the key ${JSON.stringify(resume.key)}, not ${JSON.stringify(key)}.`,
    )
  return key ?? resume?.key ?? randomUUID()
}

export function requiredOf(mode: FanOutMode = 'complete', shards: number): number {
  if (mode === 'complete') return shards
  if (mode === 'partial') return 1
  if (mode.atLeast <= shards) return mode.atLeast
  throw new RangeError(`At least ${mode.atLeast} shards cannot answer where ${shards} are asked.`)
}

function assertColumns(outcomes: Outcomes<unknown>): void {
  let known: ShardColumns | undefined
  for (const outcome of outcomes) {
    const columns = outcome.status === 'fulfilled' ? columnsOf(outcome.value) : undefined
    if (columns === undefined) continue
    const own = { shard: outcome.shard, columns }
    if (known === undefined) known = own
    else assertSameColumns(known, own)
  }
}
