import { TenantMissingError } from '../errors.ts'
import { nextScope } from '../scope/next-scope.ts'
import type { Scope, TenantId } from '../scope/scope.ts'
import { normalizeTenantId } from '../util/tenant-id.ts'
import type { RequestParts } from './request-options.ts'
import type { RequestPlan } from './request-plan.ts'

/**
 * The scope that a request belongs to, undefined when it names no tenant; a promise only if a source or the router
 * needs one. `around` is the request's scope already, when a middleware stands behind another.
 */
export function locate<R>(
  plan: RequestPlan<R>,
  req: R,
  parts: RequestParts,
  around: Scope | undefined,
): Scope | undefined | Promise<Scope | undefined> {
  const found = plan.identify(req, parts)
  return found instanceof Promise
    ? found.then((tenant) => scopeOf(plan, parts, tenant, around))
    : scopeOf(plan, parts, found, around)
}

function scopeOf<R>(
  plan: RequestPlan<R>,
  { method }: RequestParts,
  tenant: unknown,
  around: Scope | undefined,
): Scope | undefined | Promise<Scope> {
  if (tenant === undefined || tenant === null) {
    if (plan.required && method !== 'OPTIONS') {
      throw new TenantMissingError('The request names no tenant in any of the places that were configured.')
    }
    return undefined
  }
  const target = { tenant: normalizeTenantId(tenant) as TenantId, role: plan.role, lock: true }
  return nextScope(around, target, (id) => plan.parts.router.route(id))
}
