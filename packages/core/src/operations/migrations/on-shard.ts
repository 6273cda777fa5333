import type { Knex } from 'knex'
import { Binding } from '../../pool/binding.ts'
import { OpenScope } from '../../scope/open-scope.ts'
import type { Scope } from '../../scope/scope.ts'
import { runBound } from '../../scope/scope-storage.ts'
import { findShard } from '../../topology/find-shard.ts'
import type { MigrationParts } from './migration-parts.ts'

export interface ShardVisit {
  readonly shard: string
  readonly preventWrites: boolean
  readonly checkoutTimeoutMs: number | undefined
  /** May take as long as it likes. */
  readonly isLong: boolean
  /** Ends it, on the server too, when it aborts. */
  readonly signal?: AbortSignal
}

/**
 * Runs `fn` on one connection of a shard's primary, in a scope that is locked to the shard, has no tenant, and nothing to
 * do with the scope around: a connection that somebody works on is none to change the schema on.
 */
export async function onShard<T>(
  { scopes, pools, layout }: MigrationParts,
  { shard, preventWrites, checkoutTimeoutMs, isLong, signal }: ShardVisit,
  fn: (knex: Knex) => Promise<T>,
): Promise<T> {
  const scope: Scope = Object.freeze({ shard, role: 'writing', preventWrites, locked: true })
  const endpoint = pools.next(findShard(layout.topology, shard), 'writing')
  const rules = new OpenScope(scope, endpoint, scopes, undefined)
  const describe = () => 'migrations'
  const lease = endpoint.createLease({ checkoutTimeoutMs, isLong, describe, correlated: rules })
  rules.own(lease)
  rules.entered()
  const cut = () => {
    rules.end()
    void lease.cancelRunning()
  }
  signal?.addEventListener('abort', cut)
  try {
    await lease.checkout()
    // Its locks are the session's: releaseConnection() in a migration is refused.
    lease.addOpenWork({ owner: rules, abandon: () => {} })
    return await runBound(new Binding(lease, lease.root, rules), async () => await fn(endpoint.knex))
  } finally {
    signal?.removeEventListener('abort', cut)
    rules.end()
  }
}
