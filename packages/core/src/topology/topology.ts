import type { Knex } from 'knex'
import type {
  AfterCreate,
  BreakerConfig,
  ConnectionConfig,
  PoolConfig,
  ReplicaConfig,
  ResolvedConfig,
  ScrubMode,
  ShardConfig,
} from '../config/resolved-config.ts'
import { discreet } from '../util/discreet.ts'
import { FrozenMap } from '../util/frozen-map.ts'
import { isSame } from '../util/is-same.ts'

/** All shards at one moment. Never changed: a reload makes a new one with a higher version. */
export interface Topology {
  readonly version: number
  /** By name, in file order; last the database that belongs to no tenant, if there is one, under the name `shared`. */
  readonly shards: ReadonlyMap<string, Shard>
}

/** An independent database and its copies. */
export interface Shard {
  readonly name: string
  readonly config: ShardConfig
  readonly primary: Endpoint
  readonly replicas: readonly Endpoint[]
}

/** A physical server of a shard, and all that is needed to connect to it. Prints without its secrets. */
export interface Endpoint {
  /** `shard_0` for the primary, `shard_0/replica-0` for a replica: unique in the topology. */
  readonly id: string
  /** Name of the shard. */
  readonly shard: string
  readonly kind: 'primary' | 'replica'
  readonly client: string
  /** Not enumerable: a spread leaves it behind, and a deep comparison does not see it. */
  readonly connection: ConnectionConfig
  readonly session: Readonly<Record<string, string>>
  readonly pool: PoolConfig
  readonly breaker: BreakerConfig | null
  readonly scrub: ScrubMode
  readonly catalogueMaxAgeMs: number
  readonly identity: string | undefined
  readonly afterCreate: AfterCreate | undefined
  readonly knex: Readonly<Partial<Knex.Config>>
}

/**
 * The picture of a configuration's shards. Opens nothing: a shard that nobody asks for costs a few objects. Endpoints
 * that are as they were in `previous` are the same objects there and here, and so keep their pools.
 */
export function createTopology(config: ResolvedConfig, version = 1, previous?: Topology): Topology {
  const databases = [...config.shards.values(), ...(config.shared === undefined ? [] : [config.shared])]
  const shards = databases.map((shard) => {
    return [shard.name, createShard(shard, previous?.shards.get(shard.name))] as const
  })
  return Object.freeze({ version, shards: new FrozenMap(shards) })
}

function createShard(config: ShardConfig, previous: Shard | undefined): Shard {
  const primary = createEndpoint(config, {
    id: config.name,
    kind: 'primary',
    connection: config.connection,
    pool: config.pool,
    breaker: config.breaker,
  })
  const replicas = config.replicas.map((replica, index) =>
    unlessSame(createReplica(config, replica, index), previous?.replicas[index]),
  )
  return Object.freeze({
    name: config.name,
    config,
    primary: unlessSame(primary, previous?.primary),
    replicas: Object.freeze(replicas),
  })
}

function unlessSame(endpoint: Endpoint, previous: Endpoint | undefined): Endpoint {
  return previous !== undefined && isSameEndpoint(previous, endpoint) ? previous : endpoint
}

function createReplica(config: ShardConfig, { connection, pool }: ReplicaConfig, index: number): Endpoint {
  // Others can serve in its place: the first attempt to connect that fails is enough.
  const breaker = config.breaker && Object.freeze({ ...config.breaker, failures: 1 })
  const id = `${config.name}/replica-${index}`
  return createEndpoint(config, { id, kind: 'replica', connection, pool, breaker })
}

function createEndpoint(
  config: ShardConfig,
  own: Pick<Endpoint, 'id' | 'kind' | 'connection' | 'pool' | 'breaker'>,
): Endpoint {
  const { name: shard, client, session, scrub, catalogueMaxAgeMs, identity, afterCreate, knex } = config
  const common = { shard, client, session, scrub, catalogueMaxAgeMs, identity, afterCreate, knex }
  return discreet<Endpoint>({ ...own, ...common }, ['connection'])
}

/** Whether connections that were opened by one are as good as those that the other opens. */
function isSameEndpoint(one: Endpoint, other: Endpoint): boolean {
  // A connection cannot be enumerated.
  return isSame(settingsOf(one), settingsOf(other)) && isSame({ ...one }, { ...other })
}

function settingsOf({ connection }: Endpoint): ConnectionConfig {
  return typeof connection === 'object' ? { ...connection } : connection
}
