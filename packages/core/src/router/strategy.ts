import type { ResolvedConfig } from '../config/resolved-config.ts'
import type { Clock } from '../util/clock.ts'
import type { RouteExplanation } from './router.ts'

/** Where a strategy found a tenant, and why there. */
export type Placement = Pick<RouteExplanation, 'shard' | 'source' | 'cached'>

/** One way of placing tenants. Asked with normalised ids only; undefined means that it does not know the tenant. */
export interface Strategy {
  find(tenant: string): string | undefined | Promise<string | undefined>
  explain(tenant: string): Placement | undefined | Promise<Placement | undefined>
}

/** Makes a strategy from a configuration that has been checked: it may rely on what the checks promise. */
export type CreateStrategy = (config: ResolvedConfig, clock: Clock) => Strategy
