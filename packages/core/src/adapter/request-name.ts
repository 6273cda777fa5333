import type { RequestParts } from './request-options.ts'
import { pathOf } from './request-path.ts'

/**
 * How reports name a request: `GET /projects/:id`, or its path where no route is known. Without its query, and with
 * `:tenant` where the tenant's id is a segment of the path.
 */
export function requestName({ method, url, route }: RequestParts, tenant: string | undefined): string {
  const path = route?.() ?? pathOf(url)
  const segments = path
    .split('/')
    .map((segment) => (segment === '' || !isId(segment, tenant) ? segment : ':tenant'))
  return `${method} ${segments.join('/')}`
}

function isId(segment: string, tenant: string | undefined): boolean {
  if (segment === tenant) return true
  try {
    return decodeURIComponent(segment) === tenant
  } catch {
    return false
  }
}
