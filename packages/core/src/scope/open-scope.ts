import { ScopeEndedError, type ShardingError } from '../errors.ts'
import type { Binding, ScopeRules } from '../pool/binding.ts'
import type { EndpointPool } from '../pool/endpoint-pool.ts'
import type { Lease } from '../pool/lease.ts'
import type { Scope } from './scope.ts'
import type { ScopeApi } from './scope-api.ts'
import { ScopeLife } from './scope-life.ts'

/** A scope while code runs in it: its value, where its queries go, and whom it belongs to. */
export class OpenScope implements ScopeRules {
  readonly value: Scope
  readonly endpoint: EndpointPool
  /** The functions of the `Sharding` that opened it. */
  readonly api: ScopeApi
  readonly life: ScopeLife
  #ended: (() => ShardingError) | undefined
  /** The scope around this one, as long as this one lasts: an ended scope keeps nothing else alive. */
  #outer: Binding<OpenScope> | undefined
  /** The lease that ends with this scope; undefined while it uses that of a scope around. */
  #lease: Lease | undefined
  /** Scopes inside that have a lease, or have one inside, and end with this one at the latest. */
  #inner: Set<OpenScope> | undefined

  constructor(value: Scope, endpoint: EndpointPool, api: ScopeApi, outer: Binding<OpenScope> | undefined) {
    this.value = value
    this.endpoint = endpoint
    this.api = api
    this.#outer = outer
    this.life = outer?.rules.life ?? new ScopeLife()
  }

  get shard(): string {
    return this.value.shard
  }

  get tenant(): string | undefined {
    return this.value.tenant
  }

  get preventWrites(): boolean {
    return this.value.preventWrites
  }

  get outer(): Binding<OpenScope> | undefined {
    return this.#outer
  }

  /** What stray queries are refused with once the function of this scope, or of one around it, has settled. */
  get ended(): (() => ShardingError) | undefined {
    return this.#ended ?? this.#outer?.rules.ended
  }

  /** Makes a lease of the scope's own end with it, and with every scope around. */
  own(lease: Lease): void {
    this.#lease = lease
    this.#outer?.rules.adopt(this)
  }

  /** Makes a scope inside end with this one at the latest. */
  adopt(inner: OpenScope): void {
    if (this.#inner === undefined) {
      this.#inner = new Set()
      this.#outer?.rules.adopt(this)
    }
    this.#inner.add(inner)
  }

  /** A scope inside has ended. */
  forget(inner: OpenScope): void {
    this.#inner?.delete(inner)
  }

  /** Has the server stop what runs on the leases that end with this scope. */
  cancelRunning(): void {
    void this.#lease?.cancelRunning()
    for (const scope of this.#inner ?? []) scope.cancelRunning()
  }

  /** The scope's function has settled. Returns what its stray queries are refused with. */
  end(): () => ShardingError {
    if (this.#ended !== undefined) return this.#ended
    const ended = () => endedError(this.shard)
    this.#ended = ended
    for (const scope of this.#inner ?? []) scope.end()
    // A scope shares its life with those inside of it.
    if (this.#outer === undefined) this.life.abort(ended())
    this.#outer?.rules.forget(this)
    this.#outer = undefined
    this.#lease?.end(ended)
    return ended
  }
}

function endedError(shard: string): ScopeEndedError {
  return new ScopeEndedError(
    `A query on shard "${shard}" came after the function of its scope had settled. Await every query inside.`,
    { shard },
  )
}
