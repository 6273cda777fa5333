import { RouterUnavailableError } from '../errors.ts'
import type { Router } from '../router/router.ts'
import { partsOf, type Sharding } from '../sharding.ts'
import { retryAfterSeconds } from '../util/retry-after.ts'
import { type Restorable, restorable } from './restorable.ts'

const RETRY_AFTER_MS = 1000

/**
 * Has every search for a tenant's shard fail with RouterUnavailableError, as it does when `router.lookup` fails, until the
 * result is restored or disposed.
 *
 * @throws Error when the router is made to fail already
 */
export function failRouter(sharding: Sharding): Restorable {
  const router = partsOf(sharding).router as { -readonly [K in keyof Router]: Router[K] }
  const { route, explain } = router
  if (failing.has(route)) throw new Error('The router fails already: restore that first.')
  const refuse = () => {
    throw new RouterUnavailableError(
      'The shard of the tenant cannot be looked up right now, as a test wants it.',
      {
        retryAfter: retryAfterSeconds(RETRY_AFTER_MS, Math.random),
      },
    )
  }
  failing.add(refuse)
  router.route = refuse
  router.explain = async () => refuse()
  return restorable(() => Object.assign(router, { route, explain }))
}

const failing = new WeakSet<Router['route']>()
