import { z } from 'zod'
import { drivers } from '../clients.ts'
import type { AfterCreate } from '../resolved-config.ts'
import { breakerSchema } from './breaker-schema.ts'
import { connectionSchema } from './connection-schema.ts'
import { knexSchema } from './knex-schema.ts'
import { migrationsSchema } from './migrations-schema.ts'
import { choice, count, duration, func, group, list, text } from './option.ts'
import { rangeSchema, slotsSchema } from './placement-schema.ts'
import { poolSchema } from './pool-schema.ts'
import { readingSchema } from './reading-schema.ts'
import { sessionSchema } from './session-schema.ts'
import { tenantIdSchema } from './tenant-id-schema.ts'

/** Where an editor finds the JSON Schema of the file. */
export const schemaReference = z.string({ error: 'must be a text' }).meta({
  description: 'Where the JSON Schema of this file is, for editors.',
  examples: ['../../node_modules/@sherd/core/schema/shard.schema.json'],
})

/** What can be said for one shard as well as, under `defaults`, for all. */
export const sharedOptions = {
  // Which of them is meant, and whether its driver is there, is said by `DriverCheck`; editors only need the list.
  client: text({ description: "One of knex's clients; its driver must be installed.", example: 'pg' }).meta({
    enum: Object.keys(drivers),
  }),
  session: sessionSchema,
  pool: poolSchema,
  breaker: breakerSchema,
  reading: readingSchema,
  scrub: choice(['always', 'auto', 'never'], {
    description:
      "Whether a session is brought back to its baseline after each lease; `auto` leaves it out where PostgreSQL's catalogue and the statements prove that nothing has changed; `never` is at the user's own risk.",
    default: 'always',
    example: 'always',
  }),
  catalogueMaxAgeMs: duration({
    description:
      'With `scrub: auto`, milliseconds after which a change of the schema from elsewhere is reckoned with at the latest.',
    default: 10_000,
    example: 10_000,
  }),
  startup: choice(['lazy', 'degraded', 'fail'], {
    description:
      'What `sharding.warmUp()` does with the shard: leaves it to the first request (`lazy`), reports a failure (`degraded`), or rejects for it (`fail`).',
    default: 'degraded',
    example: 'fail',
  }),
  migrations: migrationsSchema,
  knex: knexSchema,
  afterCreate: func<AfterCreate>({
    description: 'Function that prepares each new connection, and again each connection that was cleaned.',
    example: '(connection) => connection.query("SET …")',
  }),
}

const replicaSchema = group(
  {
    connection: connectionSchema,
    pool: poolSchema,
    weight: count(0, 1000, {
      description:
        'Share of the reads that the replica takes, against the weights of the others; with 0 it takes none.',
      default: 1,
      example: 2,
    }),
  },
  { description: 'A copy of the shard that only reads.', example: { connection: '${SHARD_0_REPLICA_URL}' } },
).meta({ required: ['connection'] })

/** What can be said about one database alone. */
const databaseOptions = {
  connection: connectionSchema,
  ...sharedOptions,
  replicas: list(replicaSchema, {
    description: "Replicas of this shard; what a replica's pool leaves out is as in the shard's own.",
    default: [],
    example: [{ connection: '${SHARD_0_REPLICA_URL}' }],
  }),
  identity: text({
    description:
      'What the one row of the table `sherd_identity` in this database must say, checked on every new connection.',
    example: 'eu-shard-0',
  }),
}

/** The database of what belongs to no tenant: a shard but for the tenants. */
export const sharedDatabaseSchema = group(databaseOptions, {
  description:
    'The database with the tables that belong to no tenant: `db.shared`, and `connectedTo("shared")`, from every scope.',
  example: { connection: '${SHARED_DATABASE_URL}' },
})

/** One file under `shards/`. */
export const shardSchema = group(
  {
    $schema: schemaReference,
    ...databaseOptions,
    tenants: list(tenantIdSchema, {
      description:
        'Tenants on this shard, for the strategy `static`; with `buckets` they go before the slots.',
      default: [],
      example: ['acme', 'globex'],
    }),
    ranges: list(rangeSchema, {
      description: 'Half-open ranges of whole-number tenant ids on this shard, for the strategy `range`.',
      default: [],
      example: [{ from: 1, to: 1000 }],
    }),
    buckets: list(slotsSchema, {
      description: 'Slots on this shard, for the strategy `buckets`.',
      default: [],
      example: ['0-5460'],
    }),
    index: count(0, 1_000_000, {
      description: 'Remainder of the tenant id that leads to this shard, for the strategy `modulo`.',
      example: 0,
    }),
  },
  { description: 'One shard.', example: { connection: '${SHARD_0_DATABASE_URL}', tenants: ['acme'] } },
)

export type ShardInput = z.output<typeof shardSchema>
export type SharedInput = Pick<ShardInput, keyof typeof sharedOptions>
