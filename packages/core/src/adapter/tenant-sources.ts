import { describeIssues } from '../config/describe-issues.ts'
import type { TenantSourceConfig } from '../config/resolved-config.ts'
import { tenantSourceSchema } from '../config/schema/tenant-source-schema.ts'
import { TenantInvalidError } from '../errors.ts'
import { normalizeTenantId } from '../util/tenant-id.ts'
import { isThenable } from '../util/thenable.ts'
import { readCookie } from './cookie.ts'
import { decodeTenantId } from './decode-tenant-id.ts'
import { readHeader } from './header.ts'
import type { RequestParts, TenantSource } from './request-options.ts'
import { authorityOf, pathOf } from './request-path.ts'

/** What a source found: anything, for it comes from outside; undefined or null when it does not answer. */
type Found = unknown
/** Answers at once or with a thenable. */
type Identify<R> = (req: R, parts: RequestParts) => Found

/** One function that asks the sources in order. Throws TypeError for a source that cannot be used. */
export function tenantIdentifier<R>(sources: readonly TenantSource<R>[]): Identify<R> {
  const [first, ...others] = sources.map((source) => compile(source))
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
    if (isThenable(found)) return found.then((tenant) => tenant ?? other(req, parts))
    return found ?? other(req, parts)
  }
}

function compile<R>(source: TenantSource<R>): Identify<R> {
  if (typeof source === 'function') return source
  const checked = check(source)
  if ('header' in checked) return (_req, parts) => readHeader(parts, checked.header)
  if ('subdomain' in checked) return fromSubdomain(checked.subdomain.toLowerCase())
  if ('path' in checked) return fromPath(checked.path)
  if ('cookie' in checked) return (_req, parts) => readCookie(parts, checked.cookie)
  return (req) => fromClaim(req, checked.claim)
}

/** By the rules for the same option in `sharding.yaml`, and with their words. */
function check(source: unknown): TenantSourceConfig {
  const result = tenantSourceSchema.safeParse(source)
  if (result.success) return result.data
  const lines = describeIssues(result.error.issues, tenantSourceSchema, source).map(
    ({ path, complaint: { message, mend } }) => `"${['tenant', ...path].join('.')}" ${message}. ${mend}`,
  )
  throw new TypeError(`The option ${lines.join(' ')} A function (req) => tenant will do, too.`)
}

function fromSubdomain<R>(base: string): Identify<R> {
  const suffix = `.${base}`
  return (_req, parts) => {
    const host = hostName(parts)
    if (!host?.endsWith(suffix)) return undefined
    const label = host.slice(0, -suffix.length)
    if (label.includes('.'))
      throw new TenantInvalidError(`The host name has more than one label before "${base}".`)
    return label
  }
}

/** Without port and without the root's dot. */
function hostName(parts: RequestParts): string | undefined {
  const header = readHeader(parts, 'host')?.toLowerCase()
  const inUrl = authorityOf(parts.url)?.toLowerCase()
  // https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2: on the wire the URL would count, and frameworks look at the
  // header. Where `Headers` are, the URL is always absolute and often names the machine behind a proxy.
  if (parts.rawHeaders !== undefined && inUrl !== undefined && inUrl !== header)
    throw new TenantInvalidError('The URL and the header "host" of the request disagree.')
  return (header ?? inUrl)?.replace(/\.?(:\d*)?$/, '')
}

function fromPath<R>(template: string): Identify<R> {
  const wanted = template.split('/')
  const position = wanted.indexOf(':tenant')
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
  const { auth, user } = (req ?? {}) as { readonly auth?: unknown; readonly user?: unknown }
  const one = claimOf(auth, claim)
  const other = claimOf(user, claim)
  if (one !== undefined && other !== undefined && normalizeTenantId(one) !== normalizeTenantId(other))
    throw new TenantInvalidError(`req.auth and req.user disagree about the claim "${claim}".`)
  return one ?? other
}

function claimOf(holder: unknown, claim: string): Found {
  const isHolder = typeof holder === 'object' && holder !== null && Object.hasOwn(holder, claim)
  return (isHolder ? (holder as Record<string, unknown>)[claim] : undefined) ?? undefined
}
