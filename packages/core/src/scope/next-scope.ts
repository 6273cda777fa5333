import { SHARED } from '../config/shard-name.ts'
import { ScopeLockedError, ScopeMismatchError, ScopeMissingError } from '../errors.ts'
import { normalizeTenantId } from '../util/tenant-id.ts'
import type { Scope, Target, TargetParts } from './scope.ts'

export type Route = (tenant: string) => string | Promise<string>

/**
 * The scope that `target` leads to from `current`: each part that is named changes, every other part stays, except
 * that a tenant does not survive its shard. A promise only if the router needs one. Throws or rejects with
 * ScopeMissingError, ScopeLockedError, ScopeMismatchError, and what the router throws.
 */
export function nextScope(
  current: Scope | undefined,
  target: TargetParts,
  route: Route,
): Scope | Promise<Scope> {
  if (target.tenant === undefined) return combine(current, target, undefined, undefined)
  const tenant = normalizeTenantId(target.tenant)
  // Before the router is asked: a locked scope is told nothing about another tenant, not even that it exists.
  if (current?.locked && current.tenant !== undefined && tenant !== current.tenant) {
    throw lockedError(current, `tenant "${tenant}"`)
  }
  const routed = route(tenant)
  return typeof routed === 'string'
    ? combine(current, target, tenant, routed)
    : routed.then((shard) => combine(current, target, tenant, shard))
}

/**
 * `connectedTo('shard_0')` means `connectedTo({ shard: 'shard_0' })`; anything else that is not a target throws.
 * `taker` is who was given it, as the message names it.
 */
export function targetParts(target: Target, taker = 'connectedTo()'): TargetParts {
  if (typeof target === 'string') return { shard: target }
  if (typeof target !== 'object' || target === null) {
    throw new TypeError(
      `${taker} takes a shard's name or an object, not ${target === null ? 'null' : typeof target}.`,
    )
  }
  for (const key of Object.keys(target)) {
    if (!PARTS.has(key))
      throw new TypeError(`${taker} does not know "${key}". It knows ${[...PARTS].join(', ')}.`)
  }
  // A shard that was looked up and not found must not mean "stay here".
  if (target.shard !== undefined && typeof target.shard !== 'string') {
    throw new TypeError(
      `A shard is given by its name, not ${target.shard === null ? 'null' : typeof target.shard}.`,
    )
  }
  if (target.role !== undefined && target.role !== 'writing' && target.role !== 'reading') {
    throw new TypeError(`A role is 'writing' or 'reading', not ${JSON.stringify(target.role)}.`)
  }
  return target
}

const PARTS = new Set<string>([
  'shard',
  'tenant',
  'role',
  'preventWrites',
  'lock',
  'checkout',
  'checkoutTimeoutMs',
  'separate',
] satisfies (keyof TargetParts)[])

function combine(
  current: Scope | undefined,
  target: TargetParts,
  tenant: string | undefined,
  routed: string | undefined,
): Scope {
  const shard = routed ?? target.shard ?? current?.shard
  if (shard === undefined) {
    throw new ScopeMissingError(
      'Outside of every scope, connectedTo() needs a shard or a tenant to connect to.',
    )
  }
  if (routed !== undefined && target.shard !== undefined && target.shard !== routed) {
    throw new ScopeMismatchError(`The tenant lives on shard "${routed}", not on "${target.shard}".`, {
      shard: routed,
    })
  }
  // Beside every scope: what is there belongs to no tenant.
  const isElsewhere = shard !== current?.shard && shard !== SHARED
  if (current?.locked && isElsewhere) throw lockedError(current, `shard "${shard}"`)
  const keptTenant = tenant ?? (shard === current?.shard ? current.tenant : undefined)
  const role = target.role ?? current?.role ?? 'writing'
  const isSameRole = role === (current?.role ?? 'writing')
  const preventWrites =
    role === 'reading' || (target.preventWrites ?? (isSameRole && (current?.preventWrites ?? false)))
  const locked = target.lock === true || (current?.locked ?? false)
  // Literals: each request makes one, and a spread takes as long as all the rest of this function.
  return Object.freeze(
    keptTenant === undefined
      ? { shard, role, preventWrites, locked }
      : { shard, tenant: keptTenant, role, preventWrites, locked },
  )
}

export function lockedError(current: Scope, wanted: string): ScopeLockedError {
  const here = current.tenant === undefined ? '' : `tenant "${current.tenant}" on `
  return new ScopeLockedError(
    `This scope is locked to ${here}shard "${current.shard}" and refuses ${wanted}. If it really has to go there, wrap ` +
      'that part in unlocked().',
    { shard: current.shard },
  )
}
