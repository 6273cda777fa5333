import { SHARED } from '../config/shard-name.ts'
import { Binding } from '../pool/binding.ts'
import type { Lease } from '../pool/lease.ts'
import type { PoolRegistry, Role } from '../pool/pool-registry.ts'
import type { LiveLayout } from '../router/live-layout.ts'
import { findShard } from '../topology/find-shard.ts'
import type { Endpoint, Shard } from '../topology/topology.ts'
import { normalizeTenantId } from '../util/tenant-id.ts'
import {
  bindScope,
  captureScope,
  currentScope,
  releaseConnection,
  requireScope,
  scopeSignal,
  unlocked,
  withRawConnection,
  withTransaction,
} from './current-scope.ts'
import { createDb } from './db-handle.ts'
import { lockedError, nextScope, targetParts } from './next-scope.ts'
import { OpenScope, type OpenScopeOptions, type ScopeOwner } from './open-scope.ts'
import type { Scope, ScopeToken, Target, TargetParts, TenantId } from './scope.ts'
import type { ShardedKnex } from './scope-api.ts'
import { currentBinding, runBound } from './scope-storage.ts'
import { tokenTarget } from './scope-token.ts'

export interface ScopesOptions {
  readonly layout: LiveLayout
  readonly pools: PoolRegistry
}

export interface EnterOptions extends OpenScopeOptions {
  readonly separate?: boolean
  readonly checkoutTimeoutMs?: number | undefined
  /** Who uses the scope's connection, as reports of leaks name it. */
  readonly describe?: () => string
}

export interface EnteredScope {
  readonly binding: Binding<OpenScope>
  readonly ownsLease: boolean
}

/** Opens and ends the scopes of one `Sharding`. */
export class Scopes implements ScopeOwner {
  readonly #layout: LiveLayout
  readonly #pools: PoolRegistry
  readonly db: ShardedKnex
  readonly currentScope = currentScope
  readonly requireScope = requireScope
  readonly scopeSignal = scopeSignal
  readonly bindScope = bindScope
  readonly unlocked = unlocked
  readonly captureScope = captureScope
  readonly releaseConnection = releaseConnection
  readonly withTransaction = withTransaction
  readonly withRawConnection = withRawConnection

  constructor({ layout, pools }: ScopesOptions) {
    this.#layout = layout
    this.#pools = pools
    this.db = createDb(pools, () => {
      const binding = currentBinding()
      return binding?.rules.api === this ? binding : undefined
    })
    // Like the functions above, they may be taken off: `const { connectedTo } = createSharding()`.
    this.connectedTo = this.connectedTo.bind(this)
    this.connectedToTenant = this.connectedToTenant.bind(this)
    this.runInScope = this.runInScope.bind(this)
    this.shardFor = this.shardFor.bind(this)
  }

  async connectedTo<T>(target: Target, fn: () => T | PromiseLike<T>): Promise<Awaited<T>> {
    const parts = targetParts(target)
    const outer = currentBinding()
    const located = this.locate(parts, outer)
    const value = located instanceof Promise ? await located : located
    const describe = () => (fn.name === '' ? 'connectedTo()' : `connectedTo(${fn.name})`)
    const { binding, ownsLease } = this.enter(value, outer, { ...parts, describe })
    if (ownsLease) binding.rules.own(binding.lease)
    binding.rules.entered()
    try {
      if (parts.checkout !== 'lazy') await binding.lease.checkout()
      return await runBound(binding, async () => await fn())
    } finally {
      const ended = binding.rules.end()
      if (!ownsLease) binding.lease.abandonWork(binding.rules, ended())
    }
  }

  /** The scope that a target leads to from `outer`; a promise only if the router needs one. Refuses as `connectedTo`. */
  locate(target: TargetParts, outer: Binding<OpenScope> | undefined): Scope | Promise<Scope> {
    return nextScope(this.#origin(leaving(outer, target)), target, (tenant) =>
      this.#layout.router.route(tenant),
    )
  }

  connectedToTenant<T>(tenant: TenantId, fn: () => T | PromiseLike<T>): Promise<Awaited<T>> {
    // `connectedTo({ tenant: undefined })` would stay where it is; here a missing id is a mistake.
    return this.connectedTo({ tenant: tenant ?? '' }, fn)
  }

  /** What a target is relative to. Another Sharding's scope means nothing here, but its lock holds. */
  #origin(outer: Binding<OpenScope> | undefined): Scope | undefined {
    if (outer === undefined || outer.rules.api === this) return outer?.rules.value
    if (outer.rules.value.locked) throw lockedError(outer.rules.value, 'another Sharding')
    return undefined
  }

  /**
   * Opens a scope: on the connection of an enclosing one that serves the same shard and role, else with a lease of
   * its own that holds no connection yet. Whoever opens it ends it, and the lease if it is the scope's own.
   */
  enter(value: Scope, around: Binding<OpenScope> | undefined, options: EnterOptions = {}): EnteredScope {
    // Code that a settled scope has left behind, such as a timer, may open scopes that have nothing to do with it.
    const outer = around?.rules.ended === undefined ? around : undefined
    const shard = findShard(this.#layout.topology, value.shard)
    const server = this.#serverFor(value, shard, outer, options)
    const shared = options.separate ? undefined : this.#inReach(outer, shard, server)
    const own = shard.replicas.length > 0 ? { ...options, hasReplicas: true } : options
    if (shared !== undefined) {
      const rules = new OpenScope(value, shared.rules.endpoint, this, outer, own)
      return { binding: shared.withRules(rules), ownsLease: false }
    }
    const endpoint = this.#pools.next(shard, server)
    const { tenant, role } = value
    const { checkoutTimeoutMs, describe } = options
    const rules = new OpenScope(value, endpoint, this, outer, own)
    const reroute = this.#pools.rerouting(shard, server)
    const lease = endpoint.createLease({
      tenant,
      role,
      checkoutTimeoutMs,
      describe,
      correlated: rules,
      reroute,
    })
    return { binding: new Binding(lease, lease.root, rules), ownsLease: true }
  }

  /** The role whose servers serve it: who reads what may have been written a moment ago reads where it was written. */
  #serverFor(
    { role }: Scope,
    { name, replicas }: Shard,
    outer: Binding<OpenScope> | undefined,
    { log }: EnterOptions,
  ): Role {
    if (role === 'writing' || replicas.length === 0) return role
    const known = log ?? (outer?.rules.api === this ? outer.rules.log : undefined)
    return known?.has(name) ? 'writing' : role
  }

  keepUp(lease: Lease, rules: OpenScope): void {
    const shard = this.#layout.topology.shards.get(rules.value.shard)
    if (shard === undefined || !rules.log.has(shard.name)) return
    const primary = this.#pools.endpointsFor(shard, 'writing').some(({ id }) => id === lease.endpoint)
    if (!primary) lease.moveTo(this.#pools.next(shard, 'writing').source)
  }

  sharedPlace(from: Binding<OpenScope>): Binding<OpenScope> {
    const { rules } = from
    if (rules.value.shard === SHARED) return from
    // Nothing of what has ended may open a connection that nobody would end.
    if (rules.ended !== undefined) throw rules.ended()
    const shard = findShard(this.#layout.topology, SHARED)
    const value = nextScope(rules.value, { shard: SHARED }, () => SHARED) as Scope
    const place = this.#sharedAround(from, value, shard) ?? this.#ownShared(from, value)
    from.beside = place
    return place
  }

  /** The nearest place around that is on it, such as a transaction, under the rules of the scope that `from` is of. */
  #sharedAround(from: Binding<OpenScope>, value: Scope, shard: Shard): Binding<OpenScope> | undefined {
    const endpoints = this.#pools.endpointsFor(shard, this.#serverFor(value, shard, from, {}))
    for (let around: typeof from | undefined = from; around; around = around.rules.outer) {
      const { beside, rules } = around
      const place = rules.value.shard === SHARED ? around : beside
      if (place === undefined || !this.#serves(place, endpoints)) continue
      if (place.rules.preventWrites === value.preventWrites) return place
      const hasReplicas = shard.replicas.length > 0
      const own = new OpenScope(value, place.rules.endpoint, this, outermost(from), { hasReplicas })
      return place.withRules(own)
    }
    return undefined
  }

  /** That of the request, the job or the outermost `connectedTo`. */
  #ownShared(from: Binding<OpenScope>, value: Scope): Binding<OpenScope> {
    const { sharedPlaces } = from.rules
    const found = sharedPlaces.find(value)
    if (found !== undefined) return found
    const { binding, ownsLease } = this.enter(value, outermost(from), { describe: () => 'db.shared' })
    if (ownsLease) binding.rules.own(binding.lease)
    sharedPlaces.add(value, binding)
    return binding
  }

  /** The nearest enclosing place whose connection serves this shard and role, so that nobody waits for himself. */
  #inReach(outer: Binding<OpenScope> | undefined, shard: Shard, role: Role): Binding<OpenScope> | undefined {
    if (outer === undefined) return undefined
    const endpoints = this.#pools.equalsFor(shard, role)
    if (shard.name === SHARED && outer.beside !== undefined && this.#serves(outer.beside, endpoints)) {
      return outer.beside
    }
    for (let binding: typeof outer | undefined = outer; binding; binding = binding.rules.outer) {
      if (this.#serves(binding, endpoints)) return binding
      // In place of replicas that serve again by now.
      if (role === 'reading' && binding.rules.value.role === role && this.#serves(binding, [shard.primary]))
        return binding
    }
    return shard.name === SHARED ? outer.rules.knownSharedPlaces?.onOneOf(endpoints) : undefined
  }

  #serves({ lease, rules }: Binding<OpenScope>, endpoints: readonly Endpoint[]): boolean {
    // By its id: a reload leaves a scope with the pool that it has.
    const serves = endpoints.some(({ id }) => id === lease.endpoint)
    return rules.api === this && rules.ended === undefined && serves
  }

  async runInScope<T>(token: ScopeToken, fn: () => T | PromiseLike<T>): Promise<Awaited<T>> {
    return this.connectedTo(tokenTarget(token), fn)
  }

  async shardFor(tenant: TenantId): Promise<string> {
    return this.#layout.router.route(normalizeTenantId(tenant))
  }
}

/** On the way from the shared database to elsewhere the scope around it counts, whose lock it is. */
function leaving(
  from: Binding<OpenScope> | undefined,
  { shard, tenant }: TargetParts,
): Binding<OpenScope> | undefined {
  if (tenant === undefined && (shard === undefined || shard === SHARED)) return from
  let binding = from
  while (binding?.rules.value.shard === SHARED && binding.rules.value.locked) {
    const { outer } = binding.rules
    if (outer === undefined) break
    binding = outer
  }
  return binding
}

/** The place of the request, the job or the outermost `connectedTo`, as far as that is of the same Sharding. */
function outermost(from: Binding<OpenScope>): Binding<OpenScope> {
  let binding = from
  for (let { outer } = binding.rules; outer?.rules.api === from.rules.api; { outer } = binding.rules)
    binding = outer
  return binding
}
