import type { Knex } from 'knex'
import { deepFreeze, isPlainObject } from '../util/deep-freeze.ts'
import { discreet, discreetConnection } from '../util/discreet.ts'
import type { DriverCheck } from './check-driver.ts'
import { drivers, isInMemory, takesFileName, takesSession, tellsLag } from './clients.ts'
import { given } from './given.ts'
import { mergeTrees } from './merge-trees.ts'
import type { Path } from './path.ts'
import type { Reading } from './reading.ts'
import type { ShardReading } from './readings.ts'
import { resolveMigrations } from './resolve-migrations.ts'
import { type PoolLayer, resolvePool } from './resolve-pool.ts'
import type { ConnectionConfig, ReplicaConfig, ShardConfig } from './resolved-config.ts'
import { breakerDefaults } from './schema/breaker-schema.ts'
import { readingDefaults } from './schema/reading-schema.ts'
import type { SharedInput } from './schema/shard-schema.ts'
import type { ShardingInput } from './schema/sharding-schema.ts'
import type { PlacementOption } from './strategy-placements.ts'

interface Shared {
  readonly main: Reading<ShardingInput>
  readonly drivers: DriverCheck
}

/** A shard with the defaults under it. Notes what is missing and what contradicts. */
export function resolveShard(shard: ShardReading, { main, drivers }: Shared): ShardConfig {
  const { defaults } = main.value
  const { value } = shard
  const client = resolveClient(shard, { main, drivers })
  const pools: PoolLayer[] = [
    { reading: main, path: ['defaults', 'pool'], options: defaults?.pool },
    { reading: shard, path: ['pool'], options: value.pool },
  ]
  const connection = resolveConnection(shard, { client, given: value.connection, path: ['connection'] })
  const pool = resolvePool(pools)
  const fields: ShardConfig = {
    name: shard.name,
    file: shard.source.file,
    places: placesOf(shard),
    client,
    connection,
    session: resolveSession(shard, { client, main }),
    pool: isInMemory(client, connection) ? poolOfOne(shard, pool) : pool,
    breaker: resolveBreaker(defaults?.breaker, value.breaker),
    reading: resolveReading(shard, { client, main }),
    scrub: value.scrub ?? defaults?.scrub ?? 'always',
    catalogueMaxAgeMs: value.catalogueMaxAgeMs ?? defaults?.catalogueMaxAgeMs ?? 10_000,
    startup: value.startup ?? defaults?.startup ?? 'degraded',
    replicas: Object.freeze(resolveReplicas(shard, client, pools)),
    tenants: Object.freeze(value.tenants ?? []),
    ranges: deepFreeze(value.ranges ?? []),
    buckets: deepFreeze(value.buckets ?? []),
    index: value.index,
    identity: value.identity,
    afterCreate: value.afterCreate ?? defaults?.afterCreate,
    migrations: resolveMigrations(shard, main),
    knex: deepFreeze(mergeTrees(given(defaults?.knex), given(value.knex)) as Partial<Knex.Config>),
  }
  return discreet(fields, ['connection'])
}

/** The shard's word on whether there is one goes before that of the defaults; its options lie over theirs. */
function resolveBreaker(
  defaults: SharedInput['breaker'],
  own: SharedInput['breaker'],
): ShardConfig['breaker'] {
  if (own === null || (own === undefined && defaults === null)) return null
  return Object.freeze({ ...breakerDefaults, ...given(defaults ?? {}), ...given(own) })
}

/** A limit that nobody watches would leave out every replica. */
function resolveReading(
  shard: ShardReading,
  { client, main }: { client: string; main: Reading<ShardingInput> },
): ShardConfig['reading'] {
  const inherited = main.value.defaults?.reading
  const own = shard.value.reading
  const reading = { ...readingDefaults, ...given(inherited), ...given(own) }
  const isInVain = reading.maxLagMs !== null && Object.hasOwn(drivers, client) && !tellsLag(client)
  if (isInVain && (shard.value.replicas ?? []).length > 0) {
    const complaint = {
      message: `cannot be watched with the client \`${client}\``,
      mend: 'Remove it, or set it to null for this shard.',
      shown: undefined,
    }
    if (own?.maxLagMs === undefined) main.report(['defaults', 'reading', 'maxLagMs'], complaint)
    else shard.report(['reading', 'maxLagMs'], complaint)
  }
  return Object.freeze(reading)
}

/** A database in memory is its one connection: a second would be another database, and to close it would be its end. */
function poolOfOne(shard: ShardReading, pool: ShardConfig['pool']): ShardConfig['pool'] {
  const max = shard.value.pool?.max
  if (max !== undefined && max > 1) {
    shard.report(['pool', 'max'], {
      message: 'is more than 1, and each connection to `:memory:` is a database of its own',
      mend: 'Remove it, or give the database a file.',
    })
  }
  return Object.freeze({ ...pool, min: 1, max: 1, idleTimeoutMs: null, maxLifetimeMs: null })
}

function resolveReplicas(shard: ShardReading, client: string, pools: readonly PoolLayer[]): ReplicaConfig[] {
  return (shard.value.replicas ?? []).map(({ connection, pool, weight = 1 }, index) => {
    const path = ['replicas', index]
    const fields: ReplicaConfig = {
      connection: resolveConnection(shard, { client, given: connection, path: [...path, 'connection'] }),
      pool: resolvePool([...pools, { reading: shard, path: [...path, 'pool'], options: pool }]),
      weight,
    }
    return discreet(fields, ['connection'])
  })
}

function resolveClient(shard: ShardReading, { main, drivers }: Shared): string {
  const own = shard.value.client
  const client = own ?? main.value.defaults?.client
  if (client === undefined) {
    if (!shard.isFaulty('client') && !main.isFaulty('defaults')) {
      shard.report(['client'], {
        message: 'is missing',
        mend: 'Write for example `client: pg` here, or under `defaults` for all shards.',
      })
    }
    return ''
  }
  const complaint = own === undefined ? undefined : drivers.complainAbout(own)
  if (complaint !== undefined) shard.report(['client'], complaint)
  return client
}

/** A setting that nobody applies would be missed only when it mattered. */
function resolveSession(
  shard: ShardReading,
  { client, main }: { client: string; main: Reading<ShardingInput> },
): ShardConfig['session'] {
  const inherited = main.value.defaults?.session
  const own = shard.value.session
  const session = { ...inherited, ...own }
  if (Object.keys(session).length > 0 && Object.hasOwn(drivers, client) && !takesSession(client)) {
    const complaint = {
      message: `is not applied by the client \`${client}\``,
      mend: 'Set it in `afterCreate`, which a configuration object can hold.',
      shown: undefined,
    }
    if (own === undefined) main.report(['defaults', 'session'], complaint)
    else shard.report(['session'], complaint)
  }
  return deepFreeze(session)
}

interface Address {
  readonly client: string
  readonly given: ConnectionConfig | undefined
  readonly path: Path
}

function resolveConnection(shard: ShardReading, { client, given, path }: Address): ConnectionConfig {
  if (given === undefined) {
    if (!shard.isFaulty(String(path[0]))) {
      shard.report(path, {
        message: 'is missing',
        mend: 'Write where the database is, such as `connection: ${SHARD_0_DATABASE_URL}`.',
      })
    }
    return ''
  }
  if (typeof given === 'string' && client !== '' && !takesFileName(client) && !isUrl(given)) {
    shard.report(path, {
      message: 'is not a URL',
      mend: 'Write `scheme://user:password@host:port/database` with special characters percent-encoded, or an object of settings.',
    })
  }
  return isPlainObject(given) ? discreetConnection(deepFreeze(given)) : given
}

function isUrl(text: string): boolean {
  if (!text.includes('://') || !URL.canParse(text)) return false
  const { username, password, pathname } = new URL(text)
  try {
    // As the driver will: a `%` that was not encoded would throw there, at the first query.
    return decodeURIComponent(username + password + pathname) !== undefined
  } catch {
    return false
  }
}

function placesOf({ source, locate }: ShardReading): Readonly<Record<PlacementOption, string>> {
  const at = (option: PlacementOption) => source.place(locate([option]))
  return Object.freeze({
    tenants: at('tenants'),
    ranges: at('ranges'),
    buckets: at('buckets'),
    index: at('index'),
  })
}
