import { TenantInvalidError } from '@sherd/core'
import { describe, expect, it } from 'vitest'
import { errorOf } from '../support/error-of.ts'
import { identified } from './identified.ts'

const headers = (host: string) => ({ headers: { host } })

describe('a tenant in a header', () => {
  it('is found whatever the case of its name', () => {
    expect(identified({ header: 'X-Tenant-Id' }, { headers: { 'x-tenant-id': 'acme' } })).toBe('acme')
    expect(identified({ header: 'X-Tenant-Id' }, { headers: new Headers({ 'X-TENANT-ID': 'acme' }) })).toBe(
      'acme',
    )
  })

  it('is not there when the header is not, and is found as it is when it is empty', () => {
    expect(identified({ header: 'x-tenant-id' })).toBeUndefined()
    expect(identified({ header: 'x-tenant-id' }, { headers: new Headers() })).toBeUndefined()
    expect(identified({ header: 'x-tenant-id' }, { headers: { 'x-tenant-id': '' } })).toBe('')
  })

  it('is not looked for in what every object has', () => {
    expect(identified({ header: 'constructor' })).toBeUndefined()
  })

  it.each([
    ['Node', { 'x-tenant-id': 'acme, globex' }, ['X-Tenant-Id', 'acme', 'x-tenant-ID', 'globex']],
    [
      'Node, of a header that it keeps once',
      { 'x-tenant-id': 'acme' },
      ['x-tenant-id', 'acme', 'x-tenant-id', 'acme'],
    ],
    ['a framework with lists', { 'x-tenant-id': ['acme', 'globex'] }, undefined],
  ])('is refused when it was sent twice, as seen by %s', async (_by, values, rawHeaders) => {
    const parts = { headers: values as never, ...(rawHeaders === undefined ? {} : { rawHeaders }) }
    await expect(errorOf(() => identified({ header: 'x-tenant-id' }, parts))).resolves.toBeInstanceOf(
      TenantInvalidError,
    )
  })

  it.each([
    ['two values', 'acme', 'globex'],
    ['the same value twice', 'acme', 'acme'],
    ['an empty value beside one', 'acme', ''],
    ['a value beside an empty one', '', 'acme'],
  ])('is refused when Fetch joined %s', async (_what, one, other) => {
    const joined = new Headers()
    joined.append('x-tenant-id', one)
    joined.append('x-tenant-id', other)
    await expect(
      errorOf(() => identified({ header: 'x-tenant-id' }, { headers: joined })),
    ).resolves.toBeInstanceOf(TenantInvalidError)
  })

  it('may have a comma of its own where Node shows that it was sent once', () => {
    const parts = { headers: { 'x-tenant-id': 'acme, inc' }, rawHeaders: ['x-tenant-id', 'acme, inc'] }
    expect(identified({ header: 'x-tenant-id' }, parts)).toBe('acme, inc')
  })
})

describe('a tenant in a subdomain', () => {
  it.each([
    ['acme.example.com', 'acme'],
    ['acme.example.com:3000', 'acme'],
    ['ACME.Example.COM', 'acme'],
    ['acme.example.com.', 'acme'],
    ['acme.example.com.:80', 'acme'],
    ['xn--bcher-kva.example.com', 'xn--bcher-kva'],
  ])('is found in %s', (host, tenant) => {
    expect(identified({ subdomain: 'Example.com' }, headers(host))).toBe(tenant)
  })

  it.each([
    'example.com',
    'example.com:3000',
    'acme.example.org',
    'acmeexample.com',
    'acme.example.com.evil.org',
    '127.0.0.1:3000',
    '[::1]:3000',
    '',
  ])('is not there in %s', (host) => {
    expect(identified({ subdomain: 'example.com' }, headers(host))).toBeUndefined()
  })

  it('is not there without a host', () => {
    expect(identified({ subdomain: 'example.com' })).toBeUndefined()
  })

  it.each(['a.acme.example.com', 'a.b.acme.example.com', '..example.com'])(
    'is refused where there is more than one label, as in %s',
    async (host) => {
      await expect(
        errorOf(() => identified({ subdomain: 'example.com' }, headers(host))),
      ).resolves.toBeInstanceOf(TenantInvalidError)
    },
  )

  it('is empty, and so no tenant id, before a mere dot', () => {
    expect(identified({ subdomain: 'example.com' }, headers('.example.com'))).toBe('')
  })

  it('is refused when the host was sent twice, of which Node keeps the first', async () => {
    const parts = {
      ...headers('acme.example.com'),
      rawHeaders: ['Host', 'acme.example.com', 'host', 'globex.example.com'],
    }
    await expect(errorOf(() => identified({ subdomain: 'example.com' }, parts))).resolves.toBeInstanceOf(
      TenantInvalidError,
    )
  })

  it('is refused when an absolute URL names another host than the header', async () => {
    const url = 'http://globex.example.com/projects'
    const rawHeaders = ['Host', 'acme.example.com']
    const ask = (host: string) =>
      identified({ subdomain: 'example.com' }, { url, headers: { host }, rawHeaders })
    await expect(errorOf(() => ask('acme.example.com'))).resolves.toBeInstanceOf(TenantInvalidError)
    expect(ask('GLOBEX.example.com')).toBe('globex')
  })

  it('is taken from the header of a Fetch request, whose URL may name the machine behind a proxy', () => {
    const url = 'http://localhost:3000/projects'
    const forwarded = new Headers({ host: 'acme.example.com' })
    expect(identified({ subdomain: 'example.com' }, { url, headers: forwarded })).toBe('acme')
  })

  it('is taken from the URL of a Fetch request without that header', () => {
    const parts = { url: 'https://acme.example.com:8443?x=/', headers: new Headers() }
    expect(identified({ subdomain: 'example.com' }, parts)).toBe('acme')
  })
})

describe('a tenant in the path', () => {
  it.each([
    ['/t/acme', 'acme'],
    ['/t/acme/projects', 'acme'],
    ['/t/acme?x=/t/globex', 'acme'],
    ['/t/acme#there', 'acme'],
    ['/t/a%20b/x', 'a b'],
    ['/t/a%2Fb', 'a/b'],
    ['/t/%C3%BCber', 'über'],
    ['http://example.com/t/acme', 'acme'],
    ['http://example.com:80/t/acme?x=1', 'acme'],
  ])('is found in %s', (url, tenant) => {
    expect(identified({ path: '/t/:tenant' }, { url })).toBe(tenant)
  })

  it.each([
    '/',
    '*',
    '',
    '/t',
    '/t/',
    '/t//projects',
    '/x/acme',
    '/T/acme',
    '//t/acme',
    '?x=/t/acme',
    'http://example.com',
    'http://example.com?x=/t/acme',
    'http://example.com#/t/acme',
    'http:/t/acme',
  ])('is not there in %s', (url) => {
    expect(identified({ path: '/t/:tenant' }, { url })).toBeUndefined()
  })

  it.each(['/t/%', '/t/%zz', '/t/%E0%A4%A', '/t/%C3%28', '/t/%ff/x'])(
    'is refused where its encoding is malformed, as in %s',
    async (url) => {
      await expect(errorOf(() => identified({ path: '/t/:tenant' }, { url }))).resolves.toBeInstanceOf(
        TenantInvalidError,
      )
    },
  )

  it('is found between, before and at the root of other segments', () => {
    expect(identified({ path: '/api/:tenant/v1' }, { url: '/api/acme/v1/projects' })).toBe('acme')
    expect(identified({ path: '/api/:tenant/v1' }, { url: '/api/acme/v2/projects' })).toBeUndefined()
    expect(identified({ path: '/:tenant' }, { url: '/acme' })).toBe('acme')
  })
})

describe('a tenant in a cookie', () => {
  const cookie = (text: string) => ({ headers: { cookie: text } })

  it.each([
    ['tenant=acme', 'acme'],
    ['a=1; tenant=acme; b=2', 'acme'],
    ['a=1;tenant=acme;b=2', 'acme'],
    [' tenant = acme ', 'acme'],
    ['tenant="acme"', 'acme'],
    ['tenant=a%20b', 'a b'],
    ['tenant=a=b', 'a=b'],
    ['tenant="', '"'],
    ['tenant=', ''],
    ['tenant=""', ''],
  ])('is found in %s', (text, tenant) => {
    expect(identified({ cookie: 'tenant' }, cookie(text))).toBe(tenant)
    expect(identified({ cookie: 'tenant' }, { headers: new Headers(cookie(text).headers) })).toBe(tenant)
  })

  it.each(['', 'tenant', 'Tenant=acme', 'xtenant=acme', 'tenant2=acme', ';;=;', 'a=tenant=acme'])(
    'is not there in %j',
    (text) => {
      expect(identified({ cookie: 'tenant' }, cookie(text))).toBeUndefined()
    },
  )

  it('is not there without cookies', () => {
    expect(identified({ cookie: 'tenant' })).toBeUndefined()
    expect(identified({ cookie: 'tenant' }, { headers: new Headers() })).toBeUndefined()
  })

  it.each(['tenant=acme; tenant=globex', 'tenant=acme; tenant=acme', 'tenant=; tenant=acme'])(
    'is refused where two have the name: %s',
    async (text) => {
      await expect(errorOf(() => identified({ cookie: 'tenant' }, cookie(text)))).resolves.toBeInstanceOf(
        TenantInvalidError,
      )
    },
  )

  it.each(['tenant=%', 'tenant="%zz"'])('is refused where it is malformed: %s', async (text) => {
    await expect(errorOf(() => identified({ cookie: 'tenant' }, cookie(text)))).resolves.toBeInstanceOf(
      TenantInvalidError,
    )
  })
})

describe('a tenant in a claim', () => {
  const claimed = (req: unknown, claim = 'tenant_id') => identified({ claim }, {}, req)

  it('is found in req.auth and in req.user', () => {
    expect(claimed({ auth: { tenant_id: 'acme' } })).toBe('acme')
    expect(claimed({ user: { tenant_id: 'acme' } })).toBe('acme')
    expect(claimed({ auth: { tenant_id: 'acme' }, user: { tenant_id: 'acme' } })).toBe('acme')
    expect(claimed({ auth: { tenant_id: 7 }, user: { tenant_id: '7' } })).toBe(7)
    expect(claimed({ auth: { tenant_id: null }, user: { tenant_id: 'acme' } })).toBe('acme')
    expect(claimed({ auth: { 'https://example.com/tenant': 'acme' } }, 'https://example.com/tenant')).toBe(
      'acme',
    )
  })

  it.each([
    ['no request', undefined],
    ['nothing verified', {}],
    ['nobody', { auth: null, user: undefined }],
    ['a text', { auth: 'tenant_id', user: 7 }],
    ['another claim', { auth: { sub: 'x' } }],
    ['null', { auth: { tenant_id: null } }],
  ])('is not there with %s', (_what, req) => {
    expect(claimed(req)).toBeUndefined()
  })

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])(
    'is not looked for in what every object has, such as %s',
    (claim) => {
      expect(claimed({ auth: { sub: 'x' }, user: {} }, claim)).toBeUndefined()
    },
  )

  it.each([
    ['two tenants', 'acme', 'globex'],
    ['a tenant and nonsense', 'acme', {}],
    ['nonsense twice', Object.create(null), Object.create(null)],
    ['an empty text beside a tenant', '', 'acme'],
  ])('is refused when req.auth and req.user disagree: %s', async (_what, one, other) => {
    const req = { auth: { tenant_id: one }, user: { tenant_id: other } }
    await expect(errorOf(() => claimed(req))).resolves.toBeInstanceOf(TenantInvalidError)
  })
})

describe('a tenant from a function', () => {
  const req = { account: 'acme' }

  it('is what it returns, at once, later, or as anything that can be awaited', async () => {
    expect(identified(((one: typeof req) => one.account) as never, {}, req)).toBe('acme')
    await expect(identified(async () => 'acme')).resolves.toBe('acme')
    // biome-ignore lint/suspicious/noThenProperty: a builder of knex has one
    const builder = { then: (resolve: (tenant: string) => void) => resolve('acme') }
    await expect(identified((() => builder) as never)).resolves.toBe('acme')
  })

  it.each([
    ['undefined', () => undefined],
    ['null', () => null],
  ])('is not there when it returns %s', async (_what, source) => {
    expect(identified(source as never) ?? undefined).toBeUndefined()
    expect((await identified((async () => source()) as never)) ?? undefined).toBeUndefined()
  })

  it('fails with what it throws or rejects with', async () => {
    const bug = new Error('a bug in the application')
    const failing = () => {
      throw bug
    }
    await expect(errorOf(() => identified(failing))).resolves.toBe(bug)
    await expect(errorOf(() => identified(async () => failing()))).resolves.toBe(bug)
  })
})

describe('a list of sources', () => {
  const none = () => undefined
  const noneLater = async () => undefined
  const list = [{ header: 'x-tenant-id' }, { cookie: 'tenant' }]

  it('is asked in order, and the first that answers counts', async () => {
    const parts = { headers: { 'x-tenant-id': 'acme', cookie: 'tenant=globex' } }
    expect(identified(list, parts)).toBe('acme')
    expect(identified([...list].reverse(), parts)).toBe('globex')
    expect(identified([none, ...list], parts)).toBe('acme')
    await expect(identified([noneLater, ...list], parts)).resolves.toBe('acme')
    await expect(identified([noneLater, none, noneLater, ...list], parts)).resolves.toBe('acme')
  })

  it('does not ask those behind the one that answers', async () => {
    const asked: string[] = []
    const source = (name: string, answer: string | undefined) => () => {
      asked.push(name)
      return answer
    }
    await identified([
      source('first', undefined),
      async () => source('second', 'acme')(),
      source('third', 'x'),
    ])
    expect(asked).toEqual(['first', 'second'])
  })

  it('does not go on behind an answer that is no tenant id', async () => {
    expect(identified(list, { headers: { 'x-tenant-id': '', cookie: 'tenant=globex' } })).toBe('')
    const twice = {
      headers: new Headers([
        ['x-tenant-id', 'a'],
        ['x-tenant-id', 'b'],
        ['cookie', 'tenant=c'],
      ]),
    }
    await expect(errorOf(() => identified(list, twice))).resolves.toBeInstanceOf(TenantInvalidError)
  })

  it('finds nothing where none answers', () => {
    expect(identified(list)).toBeUndefined()
  })
})
