import { type Correlated, type Correlation, LazyCorrelation } from '../diagnostics/correlation.ts'
import { ScopeEndedError, type ShardingError } from '../errors.ts'
import type { Binding, ScopeRules } from '../pool/binding.ts'
import type { EndpointPool } from '../pool/endpoint-pool.ts'
import type { Lease } from '../pool/lease.ts'
import type { WriteWatch } from '../pool/write-watch.ts'
import type { Scope } from './scope.ts'
import type { ScopeApi } from './scope-api.ts'
import { ScopeLife } from './scope-life.ts'
import { ScopeVisit } from './scope-visit.ts'
import { type AfterResponse, SharedPlaces } from './shared-places.ts'
import { WriteLog } from './write-log.ts'

/** Something that a scope takes along when it ends: a scope inside, or work on several shards that began in it. */
export interface Dependent {
  /** Has servers stop what runs there. */
  cancelRunning(): void
  end(): unknown
}

export interface OpenScopeOptions {
  /** Ends with this scope. @default that of the scope around, which ends with the outermost */
  readonly life?: ScopeLife | undefined
  /** Whether code in it may ask all shards although it is locked. @default as in the scope around */
  readonly allowFanOut?: boolean | undefined
  /** Of the request that the scope is for, should somebody ask. */
  readonly requestId?: (() => string | undefined) | undefined
  /** What has been written where. @default that of the scope around, else one of its own */
  readonly log?: WriteLog | undefined
  /** Whether its shard has replicas, so that it matters what has been written. @default false */
  readonly hasReplicas?: boolean
}

/** The functions of the `Sharding` that opened a scope. */
export interface ScopeOwner extends ScopeApi {
  /** Where code that runs at `from` is on the shared database. Throws ShardUnknownError where there is none. */
  sharedPlace(from: Binding<OpenScope>): Binding<OpenScope>
  /** Has who reads on a replica go on where somebody in the same request or job has written, if somebody has. */
  keepUp(lease: Lease, rules: OpenScope): void
}

/** A scope while code runs in it: its value, where its queries go, and whom it belongs to. */
export class OpenScope implements ScopeRules, Dependent, Correlated {
  readonly value: Scope
  readonly endpoint: EndpointPool
  readonly api: ScopeOwner
  readonly life: ScopeLife
  readonly allowsFanOut: boolean
  readonly hasReplicas: boolean
  readonly writes: WriteWatch | undefined
  /** What knows {@link correlation}: that of the outermost scope, which may be of another copy of the package. */
  readonly correlated: Correlated
  readonly #endsLife: boolean
  #log: WriteLog | undefined
  #visit: ScopeVisit | undefined
  #ended: (() => ShardingError) | undefined
  /** The scope around this one, as long as this one lasts: an ended scope keeps nothing else alive. */
  #outer: Binding<OpenScope> | undefined
  /** The lease that ends with this scope; undefined while it uses that of a scope around. */
  #lease: Lease | undefined
  /** What ends with this scope at the latest: scopes inside that have a lease, or have one inside. */
  #inner: Set<Dependent> | undefined
  #sharedPlaces: SharedPlaces<OpenScope> | undefined
  #sharedAfterResponse: AfterResponse | undefined

  constructor(
    value: Scope,
    endpoint: EndpointPool,
    api: ScopeOwner,
    outer: Binding<OpenScope> | undefined,
    { life, allowFanOut, requestId, log, hasReplicas = false }: OpenScopeOptions = {},
  ) {
    this.value = value
    this.endpoint = endpoint
    this.api = api
    this.#outer = outer
    this.life = life ?? outer?.rules.life ?? new ScopeLife()
    this.allowsFanOut = allowFanOut ?? outer?.rules.allowsFanOut ?? false
    this.correlated = outer?.rules.correlated ?? new LazyCorrelation(requestId)
    this.#endsLife = life !== undefined || outer === undefined
    this.#log = log
    this.hasReplicas = hasReplicas
    this.writes = hasReplicas && value.role === 'writing' ? this.log.watch(value.shard) : undefined
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

  keepUp(lease: Lease): void {
    if (this.hasReplicas && this.value.role === 'reading') this.api.keepUp(lease, this)
  }

  /** Of the request, the job or the outermost `connectedTo`, as far as that is of the same Sharding. */
  get log(): WriteLog {
    const outer = this.#outer?.rules
    this.#log ??= outer !== undefined && outer.api === this.api ? outer.log : new WriteLog()
    return this.#log
  }

  /** Of the request, the job or the outermost `connectedTo`. */
  get correlation(): Correlation {
    return this.correlated.correlation
  }

  /** Tells whoever listens that code begins to run in it. */
  entered(): void {
    this.#visit = ScopeVisit.begin(this)
  }

  /** And that it has come to its end. */
  left(): void {
    this.#visit?.end()
    this.#visit = undefined
  }

  get outer(): Binding<OpenScope> | undefined {
    return this.#outer
  }

  /** Of the request, the job or the outermost `connectedTo`, as far as that is of the same Sharding. */
  get sharedPlaces(): SharedPlaces<OpenScope> {
    const outer = this.#outer?.rules
    if (outer !== undefined && outer.api === this.api) return outer.sharedPlaces
    this.#sharedPlaces ??= new SharedPlaces(this.#sharedAfterResponse)
    return this.#sharedPlaces
  }

  /** The same, where anybody has been on the shared database: most never are. */
  get knownSharedPlaces(): SharedPlaces<OpenScope> | undefined {
    const outer = this.#outer?.rules
    return outer !== undefined && outer.api === this.api ? outer.knownSharedPlaces : this.#sharedPlaces
  }

  /** The response is complete: what was taken of the shared database goes back, and so does what is taken later. */
  detachShared(afterResponse: AfterResponse): void {
    this.#sharedAfterResponse = afterResponse
    this.#sharedPlaces?.detach(afterResponse)
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

  /** Makes something inside end with this scope at the latest. */
  adopt(inner: Dependent): void {
    if (this.#inner === undefined) {
      this.#inner = new Set()
      this.#outer?.rules.adopt(this)
    }
    this.#inner.add(inner)
  }

  /** It has ended. */
  forget(inner: Dependent): void {
    this.#inner?.delete(inner)
  }

  /** Has the server stop what runs on the leases that end with this scope. */
  cancelRunning(): void {
    void this.#lease?.cancelRunning()
    for (const inner of this.#inner ?? []) inner.cancelRunning()
  }

  /** The scope's function has settled. Returns what its stray queries are refused with. */
  end(): () => ShardingError {
    if (this.#ended !== undefined) return this.#ended
    const ended = () => endedError(this.shard)
    this.#ended = ended
    for (const inner of this.#inner ?? []) inner.end()
    // A scope shares its life with those inside of it.
    if (this.#endsLife) this.life.abort(ended())
    this.#outer?.rules.forget(this)
    this.#outer = undefined
    this.#lease?.end(ended)
    this.left()
    return ended
  }
}

function endedError(shard: string): ScopeEndedError {
  return new ScopeEndedError(
    `A query on shard "${shard}" came after the function of its scope had settled. Await every query inside.`,
    { shard },
  )
}
