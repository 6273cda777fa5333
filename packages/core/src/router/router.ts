import type { SimpleStrategy } from '../config/strategy-placements.ts'

/** Finds the shard of a tenant. There is no default shard: a tenant that no strategy knows is unknown. */
export interface Router {
  /**
   * The shard of a tenant, at once where the strategy or its cache knows it, else as a promise.
   *
   * @param tenant an id as `normalizeTenantId` spells it
   * @throws TenantUnknownError, RouterUnavailableError, ShardUnknownError; or rejects with one of them.
   */
  route(tenant: string): string | Promise<string>
  /** The same, with the reason. Rejects as `route` does. */
  explain(tenant: string): Promise<RouteExplanation>
}

/** Why a tenant is where it is. */
export interface RouteExplanation {
  readonly tenant: string
  readonly shard: string
  /** The strategy that answered; never `composite` itself. */
  readonly strategy: SimpleStrategy
  /** File and place: `config/shards/shard_0.yaml › tenants[2]`. */
  readonly source: string
  /** Whether the answer was remembered from an earlier call of `lookup`. */
  readonly cached: boolean
}
