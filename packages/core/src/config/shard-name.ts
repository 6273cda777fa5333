import { quote } from '../util/quote.ts'
import type { Complaint } from './config-source.ts'

const SHARD_NAME = /^[a-z][a-z0-9_-]{0,62}$/

/** The database of what belongs to no tenant, among the shards: no shard can have the name. */
export const SHARED = 'shared'

/** What is wrong with the name of a shard, or undefined. */
export function complainAboutName(name: string): Complaint | undefined {
  if (name === SHARED) {
    return {
      message: 'gives a shard the name `shared`, which is that of the database without tenants',
      mend: 'Give the shard another name, or move what it says under `shared:` in the file for all shards.',
    }
  }
  if (SHARD_NAME.test(name)) return undefined
  return {
    message: `gives a shard a name it cannot have, ${quote(name)}`,
    mend: 'Names start with a small letter and have at most 63 small letters, digits, `_` and `-`.',
  }
}
