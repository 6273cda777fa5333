import type { Knex } from 'knex'
import type { AfterCreate, ConnectionConfig, TenantLookup, TenantSourceConfig } from './resolved-config.ts'
import type { RouterStrategy, SimpleStrategy } from './strategy-placements.ts'

/**
 * A configuration as an object: the shape of the files, with the shard files under `shards`.
 *
 * Texts may hold `${NAME}`, `${NAME:-default}` and `${file:path}` as they may in files; `$${` stands for a literal
 * `${`. A key such as `$production` or `$env.staging` overrides what stands beside it when `NODE_ENV` is that.
 */
export interface ConfigObject
  extends ShardingOptions,
    Overridable<ShardingOptions & Partial<ShardsOption>>,
    ShardsOption {}

interface ShardsOption {
  /** The shards by name, or the folder (seen from the working directory) that holds one file a shard. */
  readonly shards: Readonly<Record<string, ShardObject>> | string
}

/** What concerns all shards: the content of `sharding.yaml`. */
export interface ShardingOptions {
  /** For editors; not read. */
  readonly $schema?: string
  /** How the shard of a tenant is found. */
  readonly router?: RouterObject
  /**
   * Where requests carry their tenant; of a list, the first source that answers.
   *
   * @default []
   */
  readonly tenant?: TenantSourceConfig | readonly TenantSourceConfig[]
  /** What holds for every shard that does not say otherwise. */
  readonly defaults?: SharedOptions
  /**
   * The database with the tables that belong to no tenant: `db.shared`, and `connectedTo('shared')`, reach it from every
   * scope, locked ones included.
   */
  readonly shared?: SharedDatabaseObject
  /** What all pools of the process may have together. */
  readonly limits?: LimitsObject
  /**
   * What all pools of one server may have together, by `host:port` as the shards' connections have it; the port may be left
   * out where it is the usual one.
   */
  readonly servers?: Readonly<Record<string, ServerObject>>
  /**
   * Processes among which the budget of each server is divided, where nobody does that while they run: each takes the same
   * part, rounded down. With `shareConnectionBudgets()` it is not looked at.
   *
   * @default null
   */
  readonly workers?: number | null
}

/** Limits of all pools of the process together; null is "off". */
export interface LimitsObject {
  /**
   * Pools that may have connections at once. Where another one needs them, the pool that has been unused for longest loses
   * its own; one in use never does.
   *
   * @default null
   */
  readonly maxOpenPools?: number | null
  /**
   * Connections of all pools at once. Where another pool needs one, the idle one of the pool that has had no use for it for
   * longest is closed; one in use never is.
   *
   * @default null
   */
  readonly maxConnections?: number | null
  /**
   * Milliseconds after which a pool that nobody uses closes its connections, `min` included; null keeps those.
   *
   * @default null
   */
  readonly poolIdleMs?: number | null
}

/** What all pools of one server may have together. */
export interface ServerObject {
  /** Connections at once, of all workers together. */
  readonly maxConnections: number
}

/** How the shard of a tenant is found. */
export interface RouterObject {
  /** @default 'static' */
  readonly strategy?: RouterStrategy
  /** Strategies that `composite` asks, in this order, until one answers. */
  readonly strategies?: readonly SimpleStrategy[]
  /** Finds the shard of a tenant, for `lookup`. Called outside every scope, and not at all for what is cached. */
  readonly lookup?: TenantLookup
  /**
   * Milliseconds after which a call of `lookup` counts as failed.
   *
   * @default 5000
   */
  readonly lookupTimeoutMs?: number
  /** Bounds of the cache in front of `lookup`. */
  readonly cache?: RouterCacheObject
}

/** Bounds of the cache in front of `lookup`. */
export interface RouterCacheObject {
  /**
   * Known tenants that are remembered.
   *
   * @default 10000
   */
  readonly max?: number
  /**
   * Unknown tenant ids that are remembered, apart from the known ones.
   *
   * @default 1000
   */
  readonly maxUnknown?: number
  /**
   * Milliseconds for which a known tenant's shard is remembered.
   *
   * @default 60000
   */
  readonly ttlMs?: number
  /**
   * Milliseconds for which an unknown tenant id is remembered.
   *
   * @default 5000
   */
  readonly unknownTtlMs?: number
}

/** What can be said for one shard as well as, under `defaults`, for all. */
export interface SharedOptions {
  /** One of knex's clients (`pg`, `mysql2`, `better-sqlite3`, …); its driver must be installed. */
  readonly client?: string
  /** Settings that every session of the shard starts with and keeps, such as `{ search_path: 'app' }`. */
  readonly session?: Readonly<Record<string, string | number | boolean>>
  /** Limits of the pool of connections. */
  readonly pool?: PoolObject
  /** When the database counts as down, and how often it is asked then; null switches the breaker off. */
  readonly breaker?: BreakerObject | null
  /** How the role `reading` is served where the shard has replicas. */
  readonly reading?: ReadingObject
  /**
   * Whether a session is brought back to its baseline after each lease. `auto` leaves it out where PostgreSQL's catalogue
   * and the statements of the lease prove that nothing has changed, and is `always` for every other database; `never` is
   * at the user's own risk.
   *
   * @default 'always'
   */
  readonly scrub?: 'always' | 'auto' | 'never'
  /**
   * With `scrub: 'auto'`, milliseconds after which a change of the schema that came from elsewhere is reckoned with at the
   * latest.
   *
   * @default 10000
   */
  readonly catalogueMaxAgeMs?: number
  /**
   * What `sharding.warmUp()` does with the shard: leaves it to the first request unless it is named (`lazy`), reports a
   * failure (`degraded`), or rejects for it (`fail`).
   *
   * @default 'degraded'
   */
  readonly startup?: 'lazy' | 'degraded' | 'fail'
  /** Prepares each new connection, and again each connection that was cleaned. What it sets survives cleaning. */
  readonly afterCreate?: AfterCreate
  /** Where migrations are, and how `sharding.migrate` runs them. */
  readonly migrations?: MigrationsObject
  /** Options handed to knex as they are; not those that have a place of their own here. */
  readonly knex?: Readonly<
    Omit<
      Knex.Config,
      'client' | 'dialect' | 'connection' | 'connectionPool' | 'pool' | 'acquireConnectionTimeout'
    >
  >
}

/** Where migrations are, and how `sharding.migrate` runs them. */
export interface MigrationsObject {
  /** The folder of the migrations, or several; in a file seen from its folder, in an object from the working directory. */
  readonly directory?: string | readonly string[]
  /**
   * Endings of files that are migrations.
   *
   * @default .js, .cjs, .mjs, .ts, .cts, .mts
   */
  readonly loadExtensions?: readonly string[]
  /**
   * Whether several folders are run one after the other, in place of all in the order of their names.
   *
   * @default false
   */
  readonly sortDirsSeparately?: boolean
  /**
   * Table in which knex keeps what has run.
   *
   * @default 'knex_migrations'
   */
  readonly tableName?: string
  /** Schema of that table; by default the connection's own. */
  readonly schemaName?: string
  /**
   * Whether migrations run outside of transactions, unless one asks for its own.
   *
   * @default false
   */
  readonly disableTransactions?: boolean
  /**
   * Whether to go on although migrations have run whose files are not there.
   *
   * @default false
   */
  readonly disableMigrationsListValidation?: boolean
}

/** One shard: the content of its file. */
export interface ShardObject extends ShardOptions, Overridable<ShardOptions> {}

/** What is said about one shard. */
export interface ShardOptions extends SharedOptions {
  /** For editors; not read. */
  readonly $schema?: string
  /** Where the database is: a URL, settings for its driver, or a function that yields either. */
  readonly connection?: ConnectionConfig
  /**
   * Copies of the shard that only read; what a replica's pool leaves out is as in the shard's own.
   *
   * @default []
   */
  readonly replicas?: readonly ReplicaObject[]
  /**
   * Tenants on this shard, for the strategy `static`; with `buckets` they go before the slots.
   *
   * @default []
   */
  readonly tenants?: readonly (string | number | bigint)[]
  /**
   * Whole-number tenant ids on this shard, for the strategy `range`: from `from` up to, not including, `to`.
   *
   * @default []
   */
  readonly ranges?: readonly { readonly from: IntegerLike; readonly to?: IntegerLike }[]
  /**
   * Slots on this shard, for the strategy `buckets`: `'0-5460'`, or one slot alone.
   *
   * @default []
   */
  readonly buckets?: readonly (string | number)[]
  /** What the one row of the table `sherd_identity` in this database must say; checked on every new connection. */
  readonly identity?: string
  /** Remainder of the tenant id that leads to this shard, for the strategy `modulo`. */
  readonly index?: number
}

/** What is said about the database of what belongs to no tenant. */
export type SharedDatabaseObject = Omit<ShardOptions, '$schema' | 'tenants' | 'ranges' | 'buckets' | 'index'>

/** A whole number; as text where it is too large for a JavaScript number. */
export type IntegerLike = number | bigint | string

/** A copy of a shard that only reads. */
export interface ReplicaObject {
  /** Where the replica is, as for a shard. */
  readonly connection: ConnectionConfig
  /** What differs from the shard's own pool. */
  readonly pool?: PoolObject
  /**
   * Share of the reads that the replica takes, against the weights of the others: of replicas with 2 and 1 the first takes
   * two of three. With 0 it takes none, and keeps its place.
   *
   * @default 1
   */
  readonly weight?: number
}

/** How the role `reading` is served where a shard has replicas. */
export interface ReadingObject {
  /**
   * Milliseconds, 100 at least, that a replica may be behind its primary: whoever reads on a replica sees all that was
   * committed so long before. A replica that is further behind, or of which that is not known, takes no reads. null does
   * not look at it.
   *
   * @default null
   */
  readonly maxLagMs?: number | null
  /**
   * Who serves reads while no replica can: the primary, or nobody (ShardUnavailableError, which is answered with 503).
   *
   * @default 'primary'
   */
  readonly whenNoReplica?: 'primary' | 'refuse'
}

/** Limits of a pool of connections. Times are milliseconds; null is "off", 0 is refused. */
export interface PoolObject {
  /**
   * Connections that are kept open, from the first use of the pool on.
   *
   * @default 0
   */
  readonly min?: number
  /**
   * Connections at most. A connection is held for a whole handler: plan for requests per second × seconds in a handler.
   *
   * @default 10
   */
  readonly max?: number
  /**
   * Milliseconds from asking for a connection to having one, whatever the reason for waiting.
   *
   * @default 2000
   */
  readonly checkoutTimeoutMs?: number
  /**
   * Milliseconds for one attempt to open a connection.
   *
   * @default 1500, or three quarters of `checkoutTimeoutMs` where that is less
   */
  readonly connectTimeoutMs?: number
  /**
   * Attempts to open a connection that may be under way at once.
   *
   * @default 4
   */
  readonly connectConcurrency?: number
  /**
   * Callers that may wait at once until somebody gives a connection back; the next one is refused.
   *
   * @default 1000
   */
  readonly maxWaiting?: number
  /**
   * Connections that one tenant may hold at once; whoever wants more for it waits, and others are served meanwhile. With a
   * number here tenants take turns. null sets no limit, and the queue is first come, first served.
   *
   * @default null
   */
  readonly perTenantMax?: number | null
  /**
   * Milliseconds in the queue that are normal. When nobody was served sooner for `shedIntervalMs`, and not all in time,
   * whoever has waited for more than twice as long is refused, so that others are served soon; null lets everybody wait
   * until his deadline. As long as all are served before their deadlines nobody is refused.
   *
   * @default an eighth of `checkoutTimeoutMs`: 250
   */
  readonly shedTargetMs?: number | null
  /**
   * Milliseconds for which the queue has to stand before anybody is refused for it.
   *
   * @default 1000
   */
  readonly shedIntervalMs?: number
  /**
   * Milliseconds after which an idle connection above `min` is closed; null keeps it.
   *
   * @default 30000
   */
  readonly idleTimeoutMs?: number | null
  /**
   * Milliseconds after which a connection is replaced once it is free; null keeps it.
   *
   * @default 1800000
   */
  readonly maxLifetimeMs?: number | null
  /**
   * Milliseconds of rest after which a connection is asked whether it still answers, before it is lent; null lends it
   * without asking.
   *
   * @default 1000
   */
  readonly pingAfterIdleMs?: number | null
  /**
   * Milliseconds for that answer; then the connection is closed, and those that were idle as long are asked, too.
   *
   * @default 500, or a quarter of `checkoutTimeoutMs` where that is less
   */
  readonly pingTimeoutMs?: number
  /**
   * Milliseconds that one query may take, counted from its turn; then it is stopped on the server, or the connection is
   * closed if the server does not answer. A COMMIT is never stopped: its connection is closed. null sets no limit.
   *
   * @default null
   */
  readonly queryTimeoutMs?: number | null
  /**
   * Milliseconds for which a scope may hold its connection before that is reported as a leak; null reports none.
   *
   * @default 30000
   */
  readonly leakThresholdMs?: number | null
}

/** Options of a circuit breaker, for each server of a shard. Times are milliseconds. */
export interface BreakerObject {
  /**
   * Failures in a row after which a database without open connections counts as down; of a replica the first is enough.
   *
   * @default 5
   */
  readonly failures?: number
  /**
   * Milliseconds of failures without a success, two at least, after which a database that says nothing counts as down.
   *
   * @default 1000
   */
  readonly failingMs?: number
  /**
   * Per cent of failures among the outcomes of `windowMs` after which a database counts as down; null looks only at
   * failures in a row.
   *
   * @default 50
   */
  readonly failurePercent?: number | null
  /**
   * Outcomes that `failurePercent` needs for a judgement.
   *
   * @default 20
   */
  readonly minOutcomes?: number
  /**
   * Milliseconds that `failurePercent` looks back.
   *
   * @default 10000
   */
  readonly windowMs?: number
  /**
   * Milliseconds at most from one probe of a database that is down to the next.
   *
   * @default 900
   */
  readonly probeIntervalMs?: number
}

/** Blocks that lie over the rest when `NODE_ENV` has their name. */
export interface Overridable<T> {
  readonly $production?: T
  readonly $development?: T
  readonly $test?: T
  readonly [block: `$env.${string}`]: T
}
