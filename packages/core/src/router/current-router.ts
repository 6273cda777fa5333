import type { Router } from './router.ts'

/**
 * Asks whichever router is current. An answer that took so long that another router is current by then is asked for
 * again there: it would lead to where the tenant was.
 */
export function createCurrentRouter(current: () => Router): Router {
  function route(tenant: string): string | Promise<string> {
    const asked = current()
    const found = asked.route(tenant)
    if (typeof found === 'string') return found
    const isOutdated = () => current() !== asked
    return found.then(
      (shard) => (isOutdated() ? route(tenant) : shard),
      (error) => {
        if (isOutdated()) return route(tenant)
        throw error
      },
    )
  }
  return { route, explain: (tenant) => current().explain(tenant) }
}
