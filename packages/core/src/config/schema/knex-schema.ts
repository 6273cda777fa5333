import type { Knex } from 'knex'
import { z } from 'zod'
import { count } from './option.ts'

function flag(description: string) {
  return z.boolean({ error: 'must be true or false' }).meta({ description, examples: [true] })
}

function anything(description: string) {
  return z.unknown().meta({ description })
}

/** Options of knex that a shard may set. Those that Sherd decides by itself are in {@link OWNED_BY_SHERD}. */
const options = {
  asyncStackTraces: flag('Whether errors show where a query was built.'),
  compileSqlOnError: flag('Whether errors show the compiled SQL, values included.'),
  debug: flag('Whether knex prints its queries.'),
  defaultDateTimePrecision: count(0, 6, {
    description: 'Precision of datetime and timestamp columns.',
    example: 3,
  }),
  fetchAsString: anything('Types that Oracle delivers as text.'),
  jsonbSupport: flag('Whether the database has jsonb.'),
  log: anything("Functions that receive knex's messages."),
  migrations: anything('Where migrations are and how they run.'),
  postProcessResponse: anything('Function that changes what queries answer.'),
  searchPath: anything('Schemas to search, as in knex; `session: { search_path: … }` does the same.'),
  seeds: anything('Where seeds are.'),
  useNullAsDefault: flag('Whether missing values are inserted as NULL.'),
  userParams: anything('Values that knex keeps on its instance.'),
  version: anything("Version of the database's protocol to assume."),
  wrapIdentifier: anything('Function that changes identifiers.'),
}

/** Options of knex that have another place in Sherd's configuration, and which. */
export const OWNED_BY_SHERD: Readonly<Record<string, string>> = {
  client: 'Write `client` beside `knex`.',
  connection: 'Write `connection` beside `knex`.',
  dialect: 'Write `client` beside `knex`.',
  connectionPool: 'Remove it: each shard has a pool of its own, see `pool`.',
  pool: 'Write `pool` beside `knex`.',
  acquireConnectionTimeout: 'Write `pool: { checkoutTimeoutMs: … }` beside `knex`.',
}

/** Handed to knex as it is: of most options only the name is checked. */
export const knexSchema = z
  .strictObject(options, { error: 'must be an object with options of knex' })
  .partial()
  .transform((given) => given as Partial<Knex.Config>)
  .meta({ description: 'Options handed to knex as they are.', examples: [{ useNullAsDefault: true }] })
