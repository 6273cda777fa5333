import type { Knex } from 'knex'
import { IdentityMismatchError } from '../errors.ts'
import type { Endpoint } from '../topology/topology.ts'
import type { RawConnection } from './raw-connection.ts'

/**
 * Knows which database each shard has turned out to be: two shards with one database would mix their tenants.
 */
export class IdentityGuard {
  readonly #shardOf = new Map<string, string>()
  readonly #databaseOf = new Map<string, string>()

  /**
   * Throws IdentityMismatchError when `database` is known to be another shard's. A shard that moves to another database
   * takes its claim along.
   */
  claim(shard: string, database: string): void {
    const owner = this.#shardOf.get(database)
    if (owner === shard) return
    if (owner !== undefined) {
      throw new IdentityMismatchError(
        `Shards "${owner}" and "${shard}" lead to the same database and schema (${database}). Give each its own, ` +
          'by `connection` or by `session: { search_path: … }`.',
        { shard },
      )
    }
    const earlier = this.#databaseOf.get(shard)
    if (earlier !== undefined) this.#shardOf.delete(earlier)
    this.#databaseOf.set(shard, database)
    this.#shardOf.set(database, shard)
  }

  /** One that begins with the claims of those that `isKept`; this one stays as it is, for who still goes by it. */
  successor(isKept: (shard: string) => boolean): IdentityGuard {
    const next = new IdentityGuard()
    for (const [shard, database] of this.#databaseOf) {
      if (isKept(shard)) next.claim(shard, database)
    }
    return next
  }
}

const TABLE = 'sherd_identity'

/** Rejects with IdentityMismatchError unless the database declares itself to be what the configuration says. */
export async function checkDeclaredIdentity(
  { shard, identity }: Endpoint,
  knex: Knex,
  connection: RawConnection,
): Promise<void> {
  if (identity === undefined) return
  const found = await knex(TABLE)
    .pluck('identity')
    .connection(connection)
    .catch((cause) => {
      throw new IdentityMismatchError(
        `Shard "${shard}" has \`identity\` in its configuration, and its database has no table ${TABLE} that can be ` +
          `read. Create it with one text column, identity, and one row.`,
        { shard, cause },
      )
    })
  if (found.length === 1 && found[0] === identity) return
  throw new IdentityMismatchError(
    `Shard "${shard}" is to be ${JSON.stringify(identity)}, and the table ${TABLE} of its database says ` +
      `${JSON.stringify(found)}. Correct \`connection\`, or \`identity\`.`,
    { shard },
  )
}
