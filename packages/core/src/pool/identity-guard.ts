import type { Knex } from 'knex'
import { IdentityMismatchError } from '../errors.ts'
import type { Endpoint } from '../topology/topology.ts'
import type { DatabaseIdentity } from './database-identity.ts'
import type { RawConnection } from './raw-connection.ts'

interface Claim {
  readonly shard: string
  readonly kind: Endpoint['kind']
  readonly identity: DatabaseIdentity
}

/**
 * Knows which database each server of each shard has turned out to be: two shards with one database would mix their
 * tenants, and a replica of something else would answer with what is not theirs.
 */
export class IdentityGuard {
  /** By database. */
  readonly #shardOf = new Map<string, string>()
  /** By the endpoint's id. */
  readonly #claims = new Map<string, Claim>()

  /**
   * Throws IdentityMismatchError when the database is known to be another shard's, or a replica to be of another database
   * than its primary. A server that moves to another database takes its claim along. Returns the ids of replicas that
   * turn out by it to have been of another database.
   */
  claim({ id, shard, kind }: Pick<Endpoint, 'id' | 'shard' | 'kind'>, identity: DatabaseIdentity): string[] {
    const { database } = identity
    const owner = this.#shardOf.get(database)
    if (owner !== undefined && owner !== shard) throw sharedError(owner, shard, database)
    if (kind === 'replica') {
      const fault = faultOf(identity, this.#claims.get(shard)?.identity)
      if (fault !== undefined) throw new IdentityMismatchError(`The replica "${id}" ${fault}`, { shard })
    }
    const earlier = this.#claims.get(id)?.identity
    this.#claims.set(id, { shard, kind, identity })
    // As each further connection of a pool finds it.
    if (earlier?.database === database && earlier.timeline === identity.timeline) return []
    this.#shardOf.set(database, shard)
    if (earlier !== undefined) this.#forgetUnlessHeld(earlier.database)
    return kind === 'primary' ? this.#impostors(shard, identity) : []
  }

  /** One that begins with the claims of the endpoints that `isKept`; this one stays as it is, for who still goes by it. */
  successor(isKept: (id: string) => boolean): IdentityGuard {
    const next = new IdentityGuard()
    for (const [id, claim] of this.#claims) {
      if (!isKept(id)) continue
      next.#claims.set(id, claim)
      next.#shardOf.set(claim.identity.database, claim.shard)
    }
    return next
  }

  #forgetUnlessHeld(database: string): void {
    const isHeld = [...this.#claims.values()].some(({ identity }) => identity.database === database)
    if (!isHeld) this.#shardOf.delete(database)
  }

  #impostors(shard: string, primary: DatabaseIdentity): string[] {
    return [...this.#claims]
      .filter(([, claim]) => claim.shard === shard && claim.kind === 'replica')
      .filter(([, { identity }]) => faultOf(identity, primary) !== undefined)
      .map(([id]) => id)
  }
}

/**
 * What is wrong with a replica; undefined while nothing is known to be. A standby is its primary's copy. What is none may
 * be any database, such as one that is kept alike by other means, but not the primary's own on a history of its own.
 */
function faultOf(replica: DatabaseIdentity, primary: DatabaseIdentity | undefined): string | undefined {
  if (primary === undefined) return undefined
  const isSame = replica.database === primary.database
  if (replica.isStandby && !isSame) {
    return (
      `follows another database (${replica.database}) than its shard's primary is (${primary.database}). Correct ` +
      'its `connection`.'
    )
  }
  const hasBoth = replica.timeline !== undefined && primary.timeline !== undefined
  if (isSame && hasBoth && replica.timeline !== primary.timeline) {
    return (
      "has been promoted: it writes a history of its own, and follows its shard's primary no more. Make it a standby " +
      'again, or the primary, and take it out meanwhile.'
    )
  }
  return undefined
}

function sharedError(owner: string, shard: string, database: string): IdentityMismatchError {
  return new IdentityMismatchError(
    `Shards "${owner}" and "${shard}" lead to the same database and schema (${database}). Give each its own, ` +
      'by `connection` or by `session: { search_path: … }`.',
    { shard },
  )
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
