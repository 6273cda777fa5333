import type { Knex } from 'knex'
import type {
  AfterCreate,
  BreakerConfig,
  ConnectionConfig,
  PoolConfig,
  ReplicaConfig,
  ResolvedConfig,
  ShardConfig,
} from '../config/resolved-config.ts'
import { discreet } from '../util/discreet.ts'
import { FrozenMap } from '../util/frozen-map.ts'

/** All shards at one moment. Never changed: a reload makes a new one with a higher version. */
export interface Topology {
  readonly version: number
  /** By name, in file order. */
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
  readonly scrub: 'always' | 'never'
  readonly identity: string | undefined
  readonly afterCreate: AfterCreate | undefined
  readonly knex: Readonly<Partial<Knex.Config>>
}

/** The picture of a configuration's shards. Opens nothing: a shard that nobody asks for costs a few objects. */
export function createTopology(config: ResolvedConfig, version = 1): Topology {
  const shards = Array.from(config.shards.values(), (shard) => [shard.name, createShard(shard)] as const)
  return Object.freeze({ version, shards: new FrozenMap(shards) })
}

function createShard(config: ShardConfig): Shard {
  const replicas = config.replicas.map((replica, index) => createReplica(config, replica, index))
  return Object.freeze({
    name: config.name,
    config,
    primary: createEndpoint(config, {
      id: config.name,
      kind: 'primary',
      connection: config.connection,
      pool: config.pool,
    }),
    replicas: Object.freeze(replicas),
  })
}

function createReplica(config: ShardConfig, { connection, pool }: ReplicaConfig, index: number): Endpoint {
  return createEndpoint(config, { id: `${config.name}/replica-${index}`, kind: 'replica', connection, pool })
}

function createEndpoint(
  config: ShardConfig,
  own: Pick<Endpoint, 'id' | 'kind' | 'connection' | 'pool'>,
): Endpoint {
  const { name: shard, client, session, breaker, scrub, identity, afterCreate, knex } = config
  return discreet<Endpoint>({ ...own, shard, client, session, breaker, scrub, identity, afterCreate, knex }, [
    'connection',
  ])
}
