import { type CreateShardingOptions, createSharding } from '../create-sharding.ts'
import { forgetDefaultSharding, setDefaultSharding } from '../default-sharding.ts'
import { BudgetUnavailableError } from '../errors.ts'
import type { WarmUpOptions } from '../operations/warm-up.ts'
import { partsOf, type Sharding } from '../sharding.ts'
import { within } from '../util/within.ts'

export interface BootOptions extends CreateShardingOptions {
  /** Milliseconds until this worker may have a connection to each server with a budget. @default 10000 */
  readonly timeoutMs?: number
  /** As that of `sharding.warmUp()`; false opens nothing. @default {} */
  readonly warmUp?: WarmUpOptions | false
}

const TIMEOUT_MS = 10_000

/**
 * For a worker, before it listens: makes the default Sharding, waits until the worker has its share of all budgets, and
 * opens the connections that the configuration wants, no more than the share has room for.
 *
 * Rejects with ConfigInvalidError, BudgetUnavailableError, StartupFailedError; everything is closed again then.
 */
export async function onBoot({
  timeoutMs = TIMEOUT_MS,
  warmUp = {},
  ...options
}: BootOptions = {}): Promise<Sharding> {
  if (!(timeoutMs > 0)) throw new TypeError(`timeoutMs must be more than 0 milliseconds, not ${timeoutMs}.`)
  const sharding = createSharding(options)
  try {
    await within(timeoutMs, partsOf(sharding).poolBudgets.ready()).catch(() => {
      throw shareMissing(sharding, timeoutMs)
    })
    if (warmUp !== false) await sharding.warmUp(warmUp)
  } catch (error) {
    await sharding.close({ deadlineMs: 0 })
    forgetDefaultSharding(sharding)
    throw error
  }
  setDefaultSharding(sharding)
  return sharding
}

function shareMissing(sharding: Sharding, timeoutMs: number): BudgetUnavailableError {
  const budgets = Object.entries(sharding.stats().budgets).filter(([, { granted }]) => granted === 0)
  const named = budgets.map(
    ([name, { maxConnections, workers }]) =>
      `servers["${name}"].maxConnections (${maxConnections}, ${workers === 0 ? 'nobody has answered' : `${workers} workers`})`,
  )
  return new BudgetUnavailableError(
    `This worker has got no connection of ${named.join(', ')} within ${timeoutMs} ms. Start fewer workers, raise the ` +
      'budget, or look whether the primary has called shareConnectionBudgets() and is alive.',
  )
}
