import type { FanOutOutcome, FanOutResult } from '../errors.ts'
import { checkFanOutOptions, REDUCE_RULES } from './check-fan-out-options.ts'
import { fanOut } from './fan-out.ts'
import type { FanOutOptions, FanOutTarget } from './fan-out-options.ts'
import type { FanOutParts } from './fan-out-parts.ts'
import { compileReduction, type Reduction, type ShardValue } from './reduction.ts'

/** {@link FanOutApi.fanOutReduce} */
export async function fanOutReduce<T>(
  parts: FanOutParts,
  options: FanOutOptions<Awaited<T>> & { readonly reduce: Reduction },
  fn: (target: FanOutTarget) => T | PromiseLike<T>,
): Promise<FanOutResult<Awaited<T>> & { readonly value: unknown }> {
  checkFanOutOptions(options, REDUCE_RULES, 'fanOutReduce()')
  if (options.reduce === undefined) throw new TypeError('fanOutReduce() needs the option "reduce".')
  const reduce = compileReduction(options.reduce)
  const result = await fanOut(parts, options, fn, REDUCE_RULES)
  return Object.freeze({ ...result, value: reduce(result.outcomes.flatMap(answerOf)) })
}

function answerOf(outcome: FanOutOutcome): ShardValue[] {
  return outcome.status === 'fulfilled' ? [{ shard: outcome.shard, value: outcome.value }] : []
}
