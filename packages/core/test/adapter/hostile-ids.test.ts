import { createSharding, TenantInvalidError, TenantUnknownError } from '@sherd/core'
import { type RequestOptions, toProblem, withRequest } from '@sherd/core/adapter'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const sharding = createSharding({
  config: {
    shards: { shard_0: { client: 'pg', connection: 'postgres://127.0.0.1:1/none', tenants: ['acme'] } },
  },
})

/** Bytes as they may arrive in a header: Node shows them as Latin-1. */
const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) })
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 600 }),
  latin1,
  fc.constantFrom(
    '',
    '%',
    '%00',
    '%ud800',
    '\ud800',
    '..',
    '__proto__',
    'constructor',
    'a'.repeat(300),
    '\0',
    '"',
    '="',
  ),
)

type Hostile = { readonly method: string; readonly url: string; readonly headers: Record<string, string> }

async function outcome(tenant: RequestOptions<unknown>['tenant'], parts: Partial<Hostile>, req: unknown) {
  const options: RequestOptions<unknown> = { sharding, checkout: 'lazy', ...(tenant && { tenant }) }
  const whole = { method: 'GET', url: '/', headers: {}, ...parts }
  return withRequest(req, whole, options, async (shard) => shard?.tenant ?? null).catch((error) => error)
}

function isExpected(result: unknown): boolean {
  if (result instanceof TenantInvalidError || result instanceof TenantUnknownError)
    return toProblem(result) !== undefined && !(result instanceof RangeError)
  return result === null || result === 'acme'
}

describe('hostile tenant ids', () => {
  it('from any source are refused as invalid or unknown, and nothing else comes of them', async () => {
    await fc.assert(
      fc.asyncProperty(text, text, async (one, other) => {
        const results = await Promise.all([
          outcome({ header: 'x-tenant-id' }, { headers: { 'x-tenant-id': one } }, {}),
          outcome({ subdomain: 'example.com' }, { headers: { host: `${one}.example.com${other}` } }, {}),
          outcome({ path: '/t/:tenant' }, { url: `/t/${one}/${other}` }, {}),
          outcome({ path: '/:tenant' }, { url: one }, {}),
          outcome({ cookie: 'tenant' }, { headers: { cookie: `${other};tenant=${one}` } }, {}),
          outcome({ cookie: 'tenant' }, { headers: { cookie: one } }, {}),
        ])
        expect(results.filter((result) => !isExpected(result))).toEqual([])
      }),
      { numRuns: 500 },
    )
  })

  it('of any type from claims and functions are refused as invalid or unknown', async () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withNullPrototype: true,
      withSparseArray: true,
    })
    await fc.assert(
      fc.asyncProperty(anything, anything, async (one, other) => {
        const results = await Promise.all([
          outcome({ claim: 'tenant_id' }, {}, { auth: { tenant_id: one }, user: { tenant_id: other } }),
          outcome({ claim: 'tenant_id' }, {}, { auth: one, user: other }),
          outcome((() => one) as never, {}, {}),
          outcome((async () => one) as never, {}, {}),
        ])
        expect(results.filter((result) => !isExpected(result))).toEqual([])
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    [true],
    [Number.NaN],
    [1.5],
    [-0.5],
    [2 ** 53],
    [['acme']],
    [{}],
    [Symbol('acme')],
    [() => 'acme'],
  ])('such as %s of a claim are invalid', async (value) => {
    await expect(outcome({ claim: 'tenant_id' }, {}, { auth: { tenant_id: value } })).resolves.toBeInstanceOf(
      TenantInvalidError,
    )
  })
})
