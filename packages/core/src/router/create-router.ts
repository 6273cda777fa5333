import type { ResolvedConfig } from '../config/resolved-config.ts'
import { askedStrategies } from '../config/strategy-placements.ts'
import { TenantUnknownError } from '../errors.ts'
import type { Clock } from '../util/clock.ts'
import { quote } from '../util/quote.ts'
import { findInOrder } from './find-in-order.ts'
import type { RouteExplanation, Router } from './router.ts'
import { strategies } from './strategies.ts'

/** The router that a configuration asks for. */
export function createRouter(config: ResolvedConfig, clock: Clock): Router {
  const asked = askedStrategies(config.router).map((name) => ({
    name,
    strategy: strategies[name](config, clock),
  }))
  const find = findInOrder(asked.map(({ strategy }) => strategy))

  function route(tenant: string): string | Promise<string> {
    const found = find(tenant)
    if (typeof found === 'string') return found
    if (found === undefined) throw unknown(tenant)
    return found.then((shard) => {
      if (shard === undefined) throw unknown(tenant)
      return shard
    })
  }

  async function explain(tenant: string): Promise<RouteExplanation> {
    for (const { name, strategy } of asked) {
      const placement = await strategy.explain(tenant)
      if (placement !== undefined) return { tenant, strategy: name, ...placement }
    }
    throw unknown(tenant)
  }
  return { route, explain }
}

function unknown(tenant: string): TenantUnknownError {
  return new TenantUnknownError(`No shard is configured for the tenant ${quote(tenant)}`)
}
