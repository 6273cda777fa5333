import { defaultSharding, hasDefaultSharding } from '../default-sharding.ts'
import type { Role } from '../pool/pool-registry.ts'
import { partsOf, type Sharding, type ShardingParts } from '../sharding.ts'
import { checkOptions, checkOptionsPerRequest } from './check-options.ts'
import { type ReplicaReads, replicaReads } from './replica-reads.ts'
import type { RequestOptions, RequestParts, TenantSource } from './request-options.ts'
import { skipTest } from './skipped-paths.ts'
import { tenantIdentifier } from './tenant-sources.ts'

/** {@link RequestOptions} with every default filled in and everything compiled that need not wait for a request. */
export interface RequestPlan<R> {
  readonly sharding: Sharding
  readonly parts: ShardingParts
  readonly identify: (req: R, parts: RequestParts) => unknown
  readonly isSkipped: (req: R, parts: RequestParts) => boolean
  readonly required: boolean
  readonly checkout: 'auto' | 'eager' | 'lazy'
  readonly roleOf: (method: string) => Role
  /** Undefined: nobody is sent to replicas for what his method is. */
  readonly replicaReads: ReplicaReads<R> | undefined
  readonly onUnavailable: 'respond' | 'next'
  readonly afterResponse: 'detach' | 'reject'
  readonly onAbort: 'auto' | 'cancel' | 'finish'
  readonly exposeShard: boolean
  /** Undefined: as the middleware around says. */
  readonly allowFanOut: boolean | undefined
  /** The plan for this request. */
  readonly forRequest: (req: R) => RequestPlan<R>
}

const plans = new WeakMap<object, RequestPlan<never>>()

/** The plan for these options, made once for each object. Throws ConfigInvalidError and TypeError. */
export function planFor<R>(options: RequestOptions<R>): RequestPlan<R> {
  let plan = plans.get(options) as RequestPlan<R> | undefined
  if (plan === undefined) {
    checkOptions(options)
    plan = createPlan(options)
    plans.set(options, plan as RequestPlan<never>)
  }
  return plan
}

function createPlan<R>(options: RequestOptions<R>): RequestPlan<R> {
  const sharding = options.sharding ?? defaultSharding()
  const parts = partsOf(sharding)
  const { perRequest } = options
  const reads = replicaReads(options.readFromReplicas)
  const plansPerRequest = new WeakMap<object, RequestPlan<R>>()
  const plan: RequestPlan<R> = {
    sharding,
    parts,
    identify: identifier(options, parts),
    isSkipped: skipTest(options.skip),
    required: options.required ?? false,
    checkout: options.checkout ?? 'auto',
    roleOf: roleFor(options.role, reads),
    replicaReads: reads,
    onUnavailable: options.onUnavailable ?? 'respond',
    afterResponse: options.afterResponse ?? 'detach',
    onAbort: options.onAbort ?? 'auto',
    exposeShard: options.exposeShard ?? true,
    allowFanOut: options.allowFanOut,
    forRequest(req) {
      const own = perRequest?.(req)
      if (own === undefined) return plan
      let changed = plansPerRequest.get(own)
      if (changed === undefined) {
        checkOptionsPerRequest(own)
        changed = createPlan({ ...options, ...given(own), sharding, perRequest: () => undefined })
        plansPerRequest.set(own, changed)
      }
      return changed
    },
  }
  return plan
}

function roleFor(role: Role | undefined, reads: ReplicaReads<never> | undefined): (method: string) => Role {
  if (role !== undefined) return () => role
  return (method) => (reads?.isReading(method) ? 'reading' : 'writing')
}

/** By the sources of the options, else by those of the configuration, which a reload may change. */
function identifier<R>({ tenant }: RequestOptions<R>, parts: ShardingParts): RequestPlan<R>['identify'] {
  if (tenant !== undefined) return tenantIdentifier([tenant].flat() as TenantSource<R>[])
  let { tenantSources } = parts
  let identify = tenantIdentifier<R>(tenantSources)
  return (req, requestParts) => {
    // A configuration without any leaves those that there are: nothing else could be asked.
    if (parts.tenantSources !== tenantSources && parts.tenantSources.length > 0) {
      tenantSources = parts.tenantSources
      identify = tenantIdentifier(tenantSources)
    }
    return identify(req, requestParts)
  }
}

/** Without the options that are undefined, so that those leave the others' values alone. */
function given<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}

/** What an adapter learns when it starts. */
export interface PreparedRequests {
  /** Where the requests go. */
  readonly sharding: Sharding
  /** The default Sharding did not exist before: whoever prepared is the one to close it. */
  readonly isNewDefault: boolean
}

/** Checks options before the first request comes. Throws ConfigInvalidError and TypeError. */
export function prepareRequests<R>(options: RequestOptions<R>): PreparedRequests {
  const isNewDefault = options?.sharding === undefined && !hasDefaultSharding()
  return { sharding: planFor(options).sharding, isNewDefault }
}
