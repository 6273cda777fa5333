import { z } from 'zod'
import { isPlainObject } from '../../util/deep-freeze.ts'
import type { ConnectionConfig } from '../resolved-config.ts'

/** A URL, knex's connection object, or a function that yields either. What is inside is the driver's business. */
export const connectionSchema = z
  .custom<ConnectionConfig>(
    isConnection,
    'must be a URL, an object with at least one setting, or (in a configuration object) a function',
  )
  .meta({
    description: 'Where the database is: a URL, or an object of settings for its driver.',
    examples: ['${SHARD_0_DATABASE_URL}'],
    anyOf: [
      { type: 'string', minLength: 1 },
      { type: 'object', minProperties: 1 },
    ],
  })

function isConnection(value: unknown): boolean {
  if (typeof value === 'string') return value !== ''
  if (typeof value === 'function') return true
  return isPlainObject(value) && Object.keys(value).length > 0
}
