import type { Knex } from 'knex'
import { z } from 'zod'
import { count } from './option.ts'

const flag = z.boolean({ error: 'must be true or false' })
const anything = z.unknown()

/** Options of knex that a shard may set. Those that Sherd decides by itself are in {@link OWNED_BY_SHERD}. */
const options = {
  asyncStackTraces: flag,
  compileSqlOnError: flag,
  debug: flag,
  defaultDateTimePrecision: count(0, 6, {
    description: 'Precision of datetime and timestamp columns.',
    example: 3,
  }),
  fetchAsString: anything,
  jsonbSupport: flag,
  log: anything,
  migrations: anything,
  postProcessResponse: anything,
  searchPath: anything,
  seeds: anything,
  useNullAsDefault: flag,
  userParams: anything,
  version: anything,
  wrapIdentifier: anything,
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
