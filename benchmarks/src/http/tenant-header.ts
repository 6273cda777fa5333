import type { IncomingMessage } from 'node:http'

/** Undefined unless there is one. */
export function tenantHeader({ headers }: IncomingMessage): string | undefined {
  const tenant = headers['x-tenant-id']
  return typeof tenant === 'string' && tenant !== '' ? tenant : undefined
}
