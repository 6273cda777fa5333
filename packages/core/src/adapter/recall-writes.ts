import type { Scope } from '../scope/scope.ts'
import { hasReplicas } from '../topology/has-replicas.ts'
import { ClientWrites } from './client-writes.ts'
import type { RequestParts } from './request-options.ts'
import type { RequestPlan } from './request-plan.ts'
import type { RequestState } from './request-state.ts'

export interface Recalled<R> {
  readonly plan: RequestPlan<R>
  readonly req: R
  readonly parts: RequestParts
  readonly state: RequestState
  readonly isSecure: () => boolean
  /** Called with what is to be told to the client, once for each request. */
  readonly onFirst: (writes: ClientWrites) => void
}

/**
 * Finds out whether the client of a request has written a moment ago to the shard that it is about to enter. Where there
 * are no replicas there is nothing to find out. A promise only if a store has to be asked.
 */
export function recallWrites<R>(
  scope: Scope,
  { plan, req, parts, state, isSecure, onFirst }: Recalled<R>,
): Scope | Promise<Scope> {
  const { topology, pools } = plan.parts
  const { replicaReads: reads } = plan
  if (!hasReplicas(topology)) return scope
  if (state.writes === undefined && reads !== undefined) {
    const writes = new ClientWrites<R>({ sharding: pools.id, reads, req, parts, isSecure: isSecure() })
    state.writes = writes as ClientWrites
    if (reads.stamps !== undefined) onFirst(state.writes)
  }
  const isReplicated = topology.shards.get(scope.shard)?.replicas.length !== 0
  const asked = isReplicated ? state.writes?.entering(scope) : undefined
  return asked === undefined ? scope : asked.then(() => scope)
}
