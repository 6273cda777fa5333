import { TenantMissingError } from '../errors.ts'
import type { Role } from '../pool/pool-registry.ts'
import { nextScope } from '../scope/next-scope.ts'
import type { Scope, TargetParts, TenantId } from '../scope/scope.ts'
import { normalizeTenantId } from '../util/tenant-id.ts'
import { isThenable } from '../util/thenable.ts'
import { toProblem } from './problem.ts'
import type { RequestParts } from './request-options.ts'
import type { RequestPlan } from './request-plan.ts'

type Located = Scope | undefined | Promise<Scope | undefined>

/**
 * The scope that a request belongs to, undefined when it names no tenant or is skipped; a promise only if a source or
 * the router needs one. `around` is where the request is already, when a middleware stands behind another.
 *
 * OPTIONS is never refused: a preflight cannot be told about problems, only the request that it announces.
 */
export function locate<R>(
  plan: RequestPlan<R>,
  req: R,
  parts: RequestParts,
  around: Scope | undefined,
): Located {
  if (plan.isSkipped(req, parts)) return undefined
  if (parts.method !== 'OPTIONS') return find(plan, req, parts, around)
  const unlessRefused = (error: unknown) => {
    if (toProblem(error) === undefined) throw error
    return undefined
  }
  try {
    const found = find({ ...plan, required: false }, req, parts, around)
    return found instanceof Promise ? found.catch(unlessRefused) : found
  } catch (error) {
    return unlessRefused(error)
  }
}

function find<R>(plan: RequestPlan<R>, req: R, parts: RequestParts, around: Scope | undefined): Located {
  const { forcedTarget } = plan.parts
  const role = plan.roleOf(parts.method)
  if (forcedTarget !== undefined) return forcedScope(plan, { ...forcedTarget, role }, around)
  const found = plan.identify(req, parts)
  return isThenable(found)
    ? Promise.resolve(found).then((tenant) => scopeOf(plan, tenant, role, around))
    : scopeOf(plan, found, role, around)
}

function scopeOf<R>(plan: RequestPlan<R>, tenant: unknown, role: Role, around: Scope | undefined): Located {
  if (tenant !== undefined && tenant !== null) {
    const target = { tenant: normalizeTenantId(tenant) as TenantId, role, lock: true }
    return nextScope(around, target, (id) => plan.parts.router.route(id))
  }
  if (plan.required && around?.tenant === undefined) {
    throw new TenantMissingError('The request names no tenant in any of the places that were configured.')
  }
  return undefined
}

/** A tenant that is forced together with a shard is on that shard, whatever the router says. */
function forcedScope<R>({ parts }: RequestPlan<R>, target: TargetParts, around: Scope | undefined): Located {
  const route = (id: string) => target.shard ?? parts.router.route(id)
  return nextScope(around, { ...target, lock: true }, route)
}
