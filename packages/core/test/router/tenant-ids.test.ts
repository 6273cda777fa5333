import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TenantInvalidError, TenantUnknownError } from '../../src/errors.ts'
import { normalizeTenantId } from '../../src/util/tenant-id.ts'
import { routerOf } from './router-of.ts'

const routers = [
  routerOf({ strategy: 'static' }, { a: { tenants: ['acme'] } }),
  routerOf({ strategy: 'range' }, { a: { ranges: [{ from: 0, to: 100 }] } }),
  routerOf({ strategy: 'modulo' }, { a: { index: 0 }, b: { index: 1 } }),
  routerOf({ strategy: 'buckets' }, { a: { buckets: ['0-16383'] } }),
  routerOf({ strategy: 'lookup', lookup: (tenant) => (tenant === 'acme' ? 'a' : undefined) }, { a: {} }),
]

describe('hostile tenant ids', () => {
  it('lead to a shard or to a Tenant…Error, and to a message of one line', async () => {
    const id = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.anything({ withBigInt: true, withNullPrototype: true, withDate: true, withMap: true }),
      fc.bigInt(),
      fc.double(),
      fc.integer().map(String),
      fc.constantFrom('__proto__', 'constructor', '\ud800', 'a\u0000', '\u202e', '1e999', '-0', 'acme'),
    )
    await fc.assert(
      fc.asyncProperty(id, fc.constantFrom(...routers), async (value, router) => {
        try {
          expect(['a', 'b']).toContain(await router.route(normalizeTenantId(value)))
        } catch (error) {
          if (!(error instanceof TenantUnknownError || error instanceof TenantInvalidError)) throw error
          expect(error.message).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202e]/u)
          expect(error.message.length).toBeLessThan(1000)
        }
      }),
      { numRuns: 5000 },
    )
  })
})
