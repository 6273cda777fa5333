import type { ResolvedConfig, TenantLookup } from '../config/resolved-config.ts'
import { RouterUnavailableError, ShardUnknownError } from '../errors.ts'
import type { Clock } from '../util/clock.ts'
import { quote } from '../util/quote.ts'
import { retryAfterSeconds } from '../util/retry-after.ts'
import { runInRootContext } from '../util/root-context.ts'
import { within } from '../util/within.ts'
import { CachedRouter } from './cached-router.ts'
import type { Placement, Strategy } from './strategy.ts'

/** After about this time asking the directory again makes sense. */
const RETRY_AFTER_MS = 1000

/** The user's own function knows, and its answers are remembered. */
export function createLookupStrategy({ router, shards }: ResolvedConfig, clock: Clock): Strategy {
  const { lookup, lookupTimeoutMs } = router
  const cache = new CachedRouter(ask, { config: router.cache, clock })

  async function ask(tenant: string): Promise<string | undefined> {
    const answer = await failingAsUnavailable(() => within(lookupTimeoutMs, call(lookup, tenant)))
    if (answer === undefined || answer === null) return undefined
    if (typeof answer === 'string' && shards.has(answer)) return answer
    // Not "unavailable": trying again leads to the same answer until somebody mends the directory or the files.
    throw new ShardUnknownError(
      `router.lookup sent the tenant ${quote(tenant)} to ${nameOf(answer)}, and no such shard is configured`,
    )
  }

  async function explain(tenant: string): Promise<Placement | undefined> {
    const found = cache.find(tenant)
    const cached = !(found instanceof Promise)
    const shard = await found
    return shard === undefined ? undefined : { shard, source: `${router.file} › router.lookup`, cached }
  }
  return { find: (tenant) => cache.find(tenant), explain }
}

/**
 * The answer is shared by everybody who waits for it, so the call belongs to no caller: it must neither see one
 * caller's scope (a query of its own would be refused there) nor run under another's.
 */
async function call(lookup: TenantLookup | undefined, tenant: string): Promise<unknown> {
  return runInRootContext(async () => lookup?.(tenant))
}

async function failingAsUnavailable<T>(fn: () => Promise<T>): Promise<T> {
  try {
    return await fn()
  } catch (cause) {
    throw new RouterUnavailableError(
      'The shard of the tenant cannot be looked up right now: router.lookup failed',
      {
        cause,
        retryAfter: retryAfterSeconds(RETRY_AFTER_MS, Math.random),
      },
    )
  }
}

function nameOf(answer: unknown): string {
  return typeof answer === 'string' ? quote(answer) : `a value of type ${typeof answer}`
}
