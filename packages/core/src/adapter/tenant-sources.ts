import { TenantInvalidError } from '../errors.ts'
import { readCookie } from './cookie.ts'
import { decodeTenantId } from './decode-tenant-id.ts'
import { readHeader } from './header.ts'
import type { RequestParts, TenantSource } from './request-options.ts'
import { pathOf } from './request-path.ts'

/** What a source found: anything, for it comes from outside; undefined or null when it does not answer. */
type Found = unknown
type Identify<R> = (req: R, parts: RequestParts) => Found | Promise<Found>

/** One function that asks the sources in order. Throws TypeError for a source that cannot be used. */
export function tenantIdentifier<R>(sources: readonly TenantSource<R>[]): Identify<R> {
  const [first, ...others] = sources.map(compile)
  if (first === undefined) {
    throw new TypeError(
      'No tenant source: say where requests carry their tenant, with `tenant: { header: x-tenant-id }` in ' +
        'sharding.yaml or with the option `tenant`.',
    )
  }
  return others.reduce(firstOf, first)
}

function firstOf<R>(one: Identify<R>, other: Identify<R>): Identify<R> {
  return (req, parts) => {
    const found = one(req, parts)
    if (found instanceof Promise) return found.then((tenant) => tenant ?? other(req, parts))
    return found ?? other(req, parts)
  }
}

function compile<R>(source: TenantSource<R>): Identify<R> {
  if (typeof source === 'function') return (req) => source(req)
  if ('header' in source) return fromHeader(source.header.toLowerCase())
  if ('subdomain' in source) return fromSubdomain(source.subdomain.toLowerCase())
  if ('path' in source) return fromPath(source.path)
  if ('cookie' in source)
    return (_req, { headers }) => readCookie(readHeader({ headers }, 'cookie'), source.cookie)
  if ('claim' in source) return (req) => fromClaim(req, source.claim)
  throw new TypeError(
    `A tenant source is a function or has header, subdomain, path, cookie or claim: ${JSON.stringify(source)}`,
  )
}

function fromHeader<R>(name: string): Identify<R> {
  return (_req, parts) => readHeader(parts, name)
}

function fromSubdomain<R>(base: string): Identify<R> {
  const suffix = `.${base}`
  return (_req, parts) => {
    const host = readHeader(parts, 'host')?.toLowerCase().replace(/:\d+$/, '')
    if (!host?.endsWith(suffix)) return undefined
    const label = host.slice(0, -suffix.length)
    if (label.includes('.'))
      throw new TenantInvalidError(`The host name has more than one label before "${base}".`)
    return label
  }
}

function fromPath<R>(template: string): Identify<R> {
  const wanted = template.split('/')
  const position = wanted.indexOf(':tenant')
  if (position === -1 || !template.startsWith('/')) {
    throw new TypeError(
      `A tenant's path looks like "/t/:tenant", and this one is ${JSON.stringify(template)}.`,
    )
  }
  return (_req, { url }) => {
    const segments = pathOf(url).split('/')
    if (!wanted.every((segment, index) => segment === ':tenant' || segment === segments[index]))
      return undefined
    const segment = segments[position]
    return segment ? decodeTenantId(segment, 'path') : undefined
  }
}

/** Where express-jwt and passport put what they have verified; two that disagree are not to be chosen from. */
function fromClaim(req: unknown, claim: string): Found {
  const [one, other] = ['auth', 'user']
    .map((property) => claimOf((req as Record<string, unknown>)[property], claim))
    .filter((value) => value !== undefined && value !== null)
  if (other !== undefined && other !== one)
    throw new TenantInvalidError(`req.auth and req.user disagree about the claim "${claim}".`)
  return one
}

function claimOf(holder: unknown, claim: string): Found {
  return typeof holder === 'object' && holder !== null && Object.hasOwn(holder, claim)
    ? (holder as Record<string, unknown>)[claim]
    : undefined
}
