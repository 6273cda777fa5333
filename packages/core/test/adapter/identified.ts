import type { RequestParts, TenantSource } from '../../src/adapter/request-options.ts'
import { tenantIdentifier } from '../../src/adapter/tenant-sources.ts'

/** What sources find in a request that consists of these parts and, for functions and claims, of `req`. */
export function identified(
  source: TenantSource<never> | readonly TenantSource<never>[],
  parts: Partial<RequestParts> = {},
  req: unknown = {},
): unknown {
  const identify = tenantIdentifier([source].flat() as TenantSource<never>[])
  return identify(req as never, { method: 'GET', url: '/', headers: {}, ...parts })
}
