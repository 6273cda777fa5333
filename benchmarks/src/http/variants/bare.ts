import { tenantHeader } from '../tenant-header.ts'
import type { Variant } from '../variant.ts'

/** The framework alone: whoever reads the header. */
export function createBare(): Variant {
  return {
    tenantOf: (req) => tenantHeader(req) ?? '',
    read: () => Promise.reject(new Error('there is no database')),
    sleep: () => Promise.reject(new Error('there is no database')),
    close: async () => {},
  }
}
