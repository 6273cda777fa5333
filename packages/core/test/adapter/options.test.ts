import { createSharding } from '@sherd/core'
import { prepareRequests, type RequestOptions, withRequest } from '@sherd/core/adapter'
import { describe, expect, it } from 'vitest'
import { errorOf } from '../support/error-of.ts'

const shards = { shard_0: { client: 'pg', connection: 'postgres://127.0.0.1:1/none', tenants: ['acme'] } }
const sharding = createSharding({ config: { tenant: { header: 'x-tenant-id' }, shards } })

const prepare = (options: object) => prepareRequests({ sharding, ...options } as RequestOptions<unknown>)

describe('options of requests', () => {
  it('are accepted as documented', () => {
    prepare({})
    prepare({ required: true, skip: ['/health', /^\/static/], checkout: 'eager', role: 'reading' })
    prepare({ onUnavailable: 'next', afterResponse: 'reject', onAbort: 'finish', exposeShard: false })
    prepare({ skip: () => true, perRequest: () => undefined, tenant: () => 'acme' })
    prepare({
      required: undefined,
      checkout: undefined,
      tenant: undefined,
      skip: undefined,
      perRequest: undefined,
    })
    prepare({
      tenant: [
        { header: 'x' },
        { subdomain: 'example.com' },
        { path: '/:tenant' },
        { cookie: 'c' },
        { claim: 'd' },
      ],
    })
  })

  it.each([
    [{ checkout: 'eagerly' }, `The option "checkout" must be 'auto' or 'eager' or 'lazy', not 'eagerly'.`],
    [{ checkout: 7n }, `The option "checkout" must be 'auto' or 'eager' or 'lazy', not 7n.`],
    [{ role: 'primary' }, `The option "role" must be 'writing' or 'reading', not 'primary'.`],
    [{ onUnavailable: true }, `The option "onUnavailable" must be 'respond' or 'next', not true.`],
    [{ afterResponse: null }, `The option "afterResponse" must be 'detach' or 'reject', not null.`],
    [{ onAbort: 'stop' }, `The option "onAbort" must be 'auto' or 'cancel' or 'finish', not 'stop'.`],
    [{ required: 'yes' }, `The option "required" must be true or false, not 'yes'.`],
    [{ exposeShard: 0 }, 'The option "exposeShard" must be true or false, not 0.'],
    [
      { skip: '/health' },
      `The option "skip" must be a list of paths and regular expressions, or a function, not '/health'.`,
    ],
    [
      { skip: ['/health', 7] },
      `The option "skip" must be a list of paths and regular expressions, or a function, not [ '/health', 7 ].`,
    ],
    [{ perRequest: {} }, 'The option "perRequest" must be a function from a request to options, not {}.'],
    [
      { sharding: 'config' },
      `The option "sharding" must be a Sharding, as createSharding() makes it, not 'config'.`,
    ],
    [{ sharding: {} }, 'This is not a Sharding: make one with createSharding().'],
    [
      { tenant: 'x-tenant-id' },
      'The option "tenant" must be an object such as { header: "x-tenant-id" }, a function, or a list of these, ' +
        `not 'x-tenant-id'.`,
    ],
  ])('are refused with what they must be: %o', (options, message) => {
    expect(() => prepare(options)).toThrow(new TypeError(message))
  })

  it.each([
    [{ headr: 'x' }, '"tenant.headr" is not an option. Did you mean `header`?'],
    [
      { header: 42 },
      '"tenant.header" must be the name of a header. Write for example `header: x-tenant-id`.',
    ],
    [{ header: 'x y' }, '"tenant.header" must be the name of a header.'],
    [{ subdomain: 'https://example.com' }, '"tenant.subdomain" must be a domain without a scheme or port.'],
    [{ path: '/t/:id' }, '"tenant.path" must be a path with one `:tenant` segment.'],
    [{ path: 't/:tenant' }, '"tenant.path" must be a path with one `:tenant` segment.'],
    [{}, '"tenant" must have exactly one of `header`, `subdomain`, `path`, `cookie`, `claim`.'],
    [{ header: 'x', cookie: 'y' }, '"tenant" must have exactly one of'],
    [[{ header: 'x' }, 'y'], '"tenant" must be an object with options.'],
    [[], 'No tenant source: say where requests carry their tenant'],
  ])('are refused with what a tenant source must be: %o', (tenant, message) => {
    const error = (() => {
      try {
        prepare({ tenant })
      } catch (thrown) {
        return thrown
      }
      return undefined
    })()
    expect(error).toBeInstanceOf(TypeError)
    expect((error as Error).message).toContain(message)
  })

  it('are refused where the configuration names no tenant source and they do not either', () => {
    const silent = createSharding({ config: { shards } })
    expect(() => prepareRequests({ sharding: silent })).toThrow(TypeError)
    prepareRequests({ sharding: silent, tenant: () => 'acme' })
  })

  it.each([
    [{ chekout: 'lazy' }, 'There is no option "chekout". Did you mean "checkout"?'],
    [{ onabort: 'finish' }, 'There is no option "onabort". Did you mean "onAbort"?'],
    [
      { whatever: undefined },
      'There is no option "whatever". There are sharding, tenant, required, skip, checkout, role, readFromReplicas, ' +
        'onUnavailable, afterResponse, onAbort, exposeShard, allowFanOut, perRequest.',
    ],
  ])('that do not exist are refused with the nearest that do: %o', (options, message) => {
    expect(() => prepare(options)).toThrow(new TypeError(message))
  })

  it.each([[undefined], [null], ['config'], [7]])('must be an object, not %s', (options) => {
    expect(() => prepareRequests(options as never)).toThrow(TypeError)
  })

  it('are left as they were', () => {
    const options = Object.freeze({
      sharding,
      tenant: Object.freeze([Object.freeze({ header: 'X-Tenant' })]),
    })
    prepareRequests(options)
    expect(options.tenant).toEqual([{ header: 'X-Tenant' }])
  })
})

describe('perRequest', () => {
  type Req = { readonly kind: string }
  const parts = { method: 'GET', url: '/', headers: { 'x-tenant-id': 'acme', 'x-other': 'globex' } }

  const scopeOf = (kind: string, options: Partial<RequestOptions<Req>>) =>
    withRequest({ kind }, parts, { sharding, checkout: 'lazy', ...options }, async (shard) => shard?.scope)

  it('changes the options of the requests for which it answers', async () => {
    const perRequest = ({ kind }: Req) => (kind === 'report' ? ({ role: 'reading' } as const) : undefined)
    await expect(scopeOf('report', { perRequest })).resolves.toMatchObject({
      role: 'reading',
      tenant: 'acme',
    })
    await expect(scopeOf('form', { perRequest })).resolves.toMatchObject({ role: 'writing', tenant: 'acme' })
  })

  it('leaves what it does not mention, or mentions as undefined, as it is', async () => {
    const perRequest = () => ({ role: undefined, required: undefined, onAbort: 'finish' }) as never
    const role = 'reading'
    await expect(scopeOf('any', { role, perRequest })).resolves.toMatchObject({ role, tenant: 'acme' })
  })

  it('may look for the tenant elsewhere, or skip the request', async () => {
    await expect(scopeOf('any', { perRequest: () => ({ tenant: () => undefined }) })).resolves.toBeUndefined()
    await expect(scopeOf('any', { perRequest: () => ({ skip: () => true }) })).resolves.toBeUndefined()
  })

  it('is compiled once for each object that it returns', async () => {
    let reads = 0
    const report = {
      get role() {
        reads++
        return 'reading' as const
      },
    }
    const perRequest = () => report
    const options = { sharding, checkout: 'lazy', perRequest } as const
    const ask = () => withRequest({ kind: 'report' }, parts, options, async (shard) => shard?.scope.role)
    await expect(ask()).resolves.toBe('reading')
    const once = reads
    await expect(ask()).resolves.toBe('reading')
    expect(reads).toBe(once)
  })

  it.each([
    [{ role: 'primary' }, `The option "role" must be 'writing' or 'reading', not 'primary'.`],
    [{ rol: 'reading' }, 'There is no option for a single request "rol". Did you mean "role"?'],
    [{ sharding }, 'There is no option for a single request "sharding".'],
    [{ perRequest: () => undefined }, 'There is no option for a single request "perRequest".'],
    [null, 'The option "perRequest" must return options or undefined, not null.'],
    [Promise.resolve({}), 'The option "perRequest" must return options or undefined, not Promise'],
  ])('that returns what it must not fails the request: %o', async (own, message) => {
    const error = await errorOf(() => scopeOf('any', { perRequest: () => own as never }))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toContain(message)
  })
})
