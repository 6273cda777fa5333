import type { Knex } from 'knex'
import type { PlacementOption, RouterStrategy, SimpleStrategy } from './strategy-placements.ts'

/** What a configuration comes to once every file is read, every variable filled in and every default applied. */
export interface ResolvedConfig {
  readonly router: RouterConfig
  /** Where requests carry their tenant, in the order in which the sources are asked. */
  readonly tenant: readonly TenantSourceConfig[]
  /** What all pools together may have. */
  readonly limits: LimitsConfig
  /** What all pools of one server together may have, by `host:port`. */
  readonly servers: ReadonlyMap<string, ServerConfig>
  /** Among how many processes the budgets of servers are divided by hand. */
  readonly workers: number | null
  /** By name, in file order. Never empty. */
  readonly shards: ReadonlyMap<string, ShardConfig>
  /** The database of what belongs to no tenant, as a shard without tenants. */
  readonly shared: ShardConfig | undefined
}

/** Limits of all pools of a Sharding together; null is "off". */
export interface LimitsConfig {
  /** Pools that may have connections at once. */
  readonly maxOpenPools: number | null
  readonly maxConnections: number | null
  /** How long a pool that nobody uses keeps connections. */
  readonly poolIdleMs: number | null
}

export interface ServerConfig {
  /** Connections that all pools of the server may have together, those of all workers. */
  readonly maxConnections: number
}

/** The part of a tenant source that a file can express. */
export type TenantSourceConfig =
  | { readonly header: string }
  | { readonly subdomain: string }
  | { readonly path: string }
  | { readonly cookie: string }
  | { readonly claim: string }

/** Finds a tenant's shard in the user's own directory; undefined means that the tenant is unknown. */
export type TenantLookup = (tenant: string) => string | undefined | PromiseLike<string | undefined>

export interface RouterConfig {
  /** File (or `config`) in which the router is described, for explanations. */
  readonly file: string
  readonly strategy: RouterStrategy
  /** Only with `lookup`, or with `composite` when `lookup` is one of its strategies. */
  readonly lookup: TenantLookup | undefined
  /** After this time a call of `lookup` counts as failed. */
  readonly lookupTimeoutMs: number
  /** Only with `composite`: asked in this order. */
  readonly strategies: readonly SimpleStrategy[]
  readonly cache: RouterCacheConfig
}

/** Bounds of the cache in front of a router that answers asynchronously. */
export interface RouterCacheConfig {
  /** How many known tenants are kept. */
  readonly max: number
  /** How many unknown tenant ids are kept, apart from the known ones so that they never push those out. */
  readonly maxUnknown: number
  readonly ttlMs: number
  readonly unknownTtlMs: number
}

/**
 * - `always` brings a session back to its baseline after each lease.
 * - `auto` leaves that out where nothing can have changed.
 * - `never` is the user's own risk.
 */
export type ScrubMode = 'always' | 'auto' | 'never'

export interface ShardConfig {
  readonly name: string
  /** File (or `config`) in which the shard is described, for messages. */
  readonly file: string
  /** Where in the file each of these stands, for explanations: `tenants`, `$production.tenants`, … */
  readonly places: Readonly<Record<PlacementOption, string>>
  /** A client that knex knows: `pg`, `mysql2`, `better-sqlite3`, … */
  readonly client: string
  readonly connection: ConnectionConfig
  /** Settings that every session of this shard starts with, by name. */
  readonly session: Readonly<Record<string, string>>
  readonly pool: PoolConfig
  /** Null when the breaker is off. */
  readonly breaker: BreakerConfig | null
  /** How the role `reading` is served where there are replicas. */
  readonly reading: ReadingConfig
  readonly scrub: ScrubMode
  /** With `scrub: 'auto'`: how long what is known of a database's catalogue counts as known. */
  readonly catalogueMaxAgeMs: number
  /** What `warmUp()` does with it: nothing unless it is named, report a failure, or reject for it. */
  readonly startup: 'lazy' | 'degraded' | 'fail'
  readonly replicas: readonly ReplicaConfig[]
  /** Tenant ids that `static` and `composite` route here, and that override `buckets`. */
  readonly tenants: readonly string[]
  /** Half-open integer ranges `[from, to)`; `to` is undefined for "and all above". Only with `range`. */
  readonly ranges: readonly IntegerRange[]
  /** Inclusive slot ranges. Only with `buckets`. */
  readonly buckets: readonly SlotRange[]
  /** Remainder that `modulo` routes here. */
  readonly index: number | undefined
  /** Expected content of the database's `sherd_identity` table. */
  readonly identity: string | undefined
  /** Prepares each connection once it is open, and again after each time it was cleaned. */
  readonly afterCreate: AfterCreate | undefined
  readonly migrations: MigrationsConfig
  /** Options that are handed to knex as they are: `useNullAsDefault`, `migrations`, `postProcessResponse`, … */
  readonly knex: Readonly<Partial<Knex.Config>>
}

/** Where migrations are, and how `sharding.migrate` runs them, as far as the configuration says. */
export interface MigrationsConfig {
  /** Absolute. */
  readonly directory?: readonly string[]
  readonly loadExtensions?: readonly string[]
  readonly sortDirsSeparately?: boolean
  readonly tableName?: string
  readonly schemaName?: string
  readonly disableTransactions?: boolean
  readonly disableMigrationsListValidation?: boolean
}

/** Gets the driver's own connection, such as a `Client` of `pg`. A connection that it fails for is not used. */
// biome-ignore lint/suspicious/noExplicitAny: each driver has a type of its own, and the user knows which it is
export type AfterCreate = (connection: any) => void | PromiseLike<void>

/** A URL, knex's connection object, or a function that yields either (rotating credentials). */
export type ConnectionConfig =
  | string
  | Readonly<Record<string, unknown>>
  | (() =>
      | string
      | Readonly<Record<string, unknown>>
      | PromiseLike<string | Readonly<Record<string, unknown>>>)

export interface ReplicaConfig {
  readonly connection: ConnectionConfig
  readonly pool: PoolConfig
  /** Share of the reads, against the weights of the others; 0 takes none. */
  readonly weight: number
}

/** How the role `reading` is served where a shard has replicas. */
export interface ReadingConfig {
  /** How far behind its primary a replica that serves may be; null does not look at it. */
  readonly maxLagMs: number | null
  /** Who serves while no replica can. */
  readonly whenNoReplica: 'primary' | 'refuse'
}

export interface IntegerRange {
  readonly from: bigint
  readonly to: bigint | undefined
}

export interface SlotRange {
  readonly first: number
  readonly last: number
}

/** Limits of one endpoint's pool. Times are milliseconds; null is "off". */
export interface PoolConfig {
  /** Connections that are kept open, from the first use of the pool on. */
  readonly min: number
  /** Connections at most. A connection is held for a whole handler. */
  readonly max: number
  /** From asking for a connection to having one, whatever the reason for waiting. */
  readonly checkoutTimeoutMs: number
  /** For one attempt to open a connection. */
  readonly connectTimeoutMs: number
  /** Attempts to open a connection that may be under way at once. */
  readonly connectConcurrency: number
  /** Callers that may wait at once until somebody gives a connection back; the next one is refused. */
  readonly maxWaiting: number
  /** Connections that one tenant may hold at once. */
  readonly perTenantMax: number | null
  /** When for shedIntervalMs nobody is served who waited for less, and not all in time, whoever waited twice as long is refused. */
  readonly shedTargetMs: number | null
  readonly shedIntervalMs: number
  readonly idleTimeoutMs: number | null
  readonly maxLifetimeMs: number | null
  /** A connection that was idle for longer is asked whether it answers, before it is lent. */
  readonly pingAfterIdleMs: number | null
  /** For the answer. */
  readonly pingTimeoutMs: number
  /** For one query, from its turn on. */
  readonly queryTimeoutMs: number | null
  /** A connection held for longer is reported as leaked. */
  readonly leakThresholdMs: number | null
}

/** When a database counts as down, and how often it is asked then. Times are milliseconds; null is "off". */
export interface BreakerConfig {
  /** Failures in a row, while there is no connection. */
  readonly failures: number
  /** For so long nothing has succeeded, and something failed. */
  readonly failingMs: number
  /** Share of failures among the outcomes of `windowMs`, of which there have to be `minOutcomes`. */
  readonly failurePercent: number | null
  readonly minOutcomes: number
  readonly windowMs: number
  /** From one probe to the next at most, while somebody wants the database. */
  readonly probeIntervalMs: number
}
