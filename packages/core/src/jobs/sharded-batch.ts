import { BatchFailedError, type FailedMessage } from '../errors.ts'
import { currentBinding } from '../scope/scope-storage.ts'
import type { Scopes } from '../scope/scopes.ts'
import { eachLimited } from '../util/each-limited.ts'
import { assertFunctions } from './assert-functions.ts'
import type { BatchOutcome } from './batch-outcome.ts'
import type { AnyFunction, BatchOptions } from './job-api.ts'
import { jobName } from './job-name.ts'
import { jobTarget } from './job-target.ts'
import { locateJob } from './locate-job.ts'
import { MessageGroup } from './message-group.ts'
import { MessageRun } from './message-run.ts'

const CONCURRENCY = 8

/** How many messages are looked up at a time, where that takes time. */
const LOOKUPS = 16

/** {@link JobApi.shardedBatch} for the Sharding that `find` names when the batch comes. */
export function createShardedBatch(
  find: () => Scopes,
  identify: AnyFunction,
  handler: AnyFunction,
  { concurrency = CONCURRENCY }: BatchOptions = {},
): AnyFunction {
  assertFunctions({ identify, handler })
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw new RangeError(`concurrency is a whole number of at least 1, not ${String(concurrency)}.`)
  }

  async function settled(
    this: never,
    messages: Iterable<unknown>,
    ...rest: unknown[]
  ): Promise<BatchOutcome<unknown, unknown>[]> {
    const [scopes, around] = [find(), currentBinding()]
    const call = (fn: AnyFunction, message: unknown) => Reflect.apply(fn, this, [message, ...rest] as never[])
    const runs = Array.from(messages, (message) => new MessageRun(message, () => call(handler, message)))

    // In the order of the messages, whoever is looked up first.
    const scopesOf = await eachLimited(runs, LOOKUPS, async (run) => {
      try {
        const target = jobTarget(await call(identify, run.message))
        run.signal = target.signal
        return await locateJob(scopes, target, around)
      } catch (error) {
        run.fail(error)
        return undefined
      }
    })
    const groups = new Map<string, MessageGroup>()
    for (const [index, scope] of scopesOf.entries()) {
      if (scope === undefined) continue
      const key = `${scope.shard} ${scope.role}`
      const group = groups.get(key) ?? new MessageGroup(() => jobName([runs[0]?.message, ...rest], handler))
      groups.set(key, group)
      group.add(scope, runs[index] as MessageRun)
    }
    await eachLimited([...groups.values()], concurrency, (group) => group.run(scopes))
    return runs.map(({ outcome }) => outcome as BatchOutcome<unknown, unknown>)
  }

  async function batch(this: never, messages: Iterable<unknown>, ...rest: unknown[]): Promise<unknown[]> {
    const outcomes = await Reflect.apply(settled, this, [messages, ...rest])
    const failures = outcomes.flatMap((outcome, index) =>
      outcome.status === 'rejected' ? [{ index, message: outcome.message, reason: outcome.reason }] : [],
    )
    const [first] = failures
    if (first !== undefined) throw new BatchFailedError(describe(first, failures, outcomes), { failures })
    return outcomes.map((outcome) => ('value' in outcome ? outcome.value : undefined))
  }
  return Object.assign(batch, { settled })
}

function describe(
  { index, reason }: FailedMessage,
  { length: failed }: readonly unknown[],
  { length: all }: readonly unknown[],
): string {
  const why = reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason)
  return `${failed} of ${all} messages failed, the first of them, at ${index}, with ${why}`
}
