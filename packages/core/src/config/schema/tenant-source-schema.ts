import type { TenantSourceConfig } from '../resolved-config.ts'
import { group, textLike } from './option.ts'

const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/
const DOMAIN = /^[a-z0-9-]+(\.[a-z0-9-]+)*$/i
const TENANT_PATH = /^\/(?:[^:?#]*\/)?:tenant(?:\/[^:?#]*)?$/

/** Where a request carries its tenant: exactly one of these. */
export const tenantSourceSchema = group(
  {
    header: textLike(TOKEN, 'the name of a header', {
      description: 'Name of a request header, in any case.',
      example: 'x-tenant-id',
    }),
    subdomain: textLike(DOMAIN, 'a domain without a scheme or port', {
      description: "Domain whose subdomain is the tenant: 'example.com' finds 'acme' in 'acme.example.com'.",
      example: 'example.com',
    }),
    path: textLike(TENANT_PATH, 'a path with one `:tenant` segment', {
      description: "Path with the segment ':tenant' in the tenant's place.",
      example: '/t/:tenant',
    }),
    cookie: textLike(TOKEN, 'the name of a cookie', { description: 'Name of a cookie.', example: 'tenant' }),
    claim: textLike(/^\S+$/, 'the name of a claim', {
      description: 'Name of a claim in a token that the application has already verified.',
      example: 'tenant_id',
    }),
  },
  { description: 'Where a request carries its tenant.', example: { header: 'x-tenant-id' } },
)
  .transform((source, context): TenantSourceConfig => {
    const given = Object.entries(source).filter(([, value]) => value !== undefined)
    if (given.length !== 1) {
      const message = 'must have exactly one of `header`, `subdomain`, `path`, `cookie`, `claim`'
      context.addIssue({ code: 'custom', message })
    }
    return (
      source.header === undefined ? source : { header: source.header.toLowerCase() }
    ) as TenantSourceConfig
  })
  .meta({ examples: [{ header: 'x-tenant-id' }], minProperties: 1, maxProperties: 1 })
