import { connectedTo, currentScope, db } from '@sherd/core'
import { shardPlugin } from '@sherd/fastify'
import type { FastifyRequest } from 'fastify'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openSharding } from '../../core/test/support/open-sharding.ts'
import { until } from '../../core/test/support/until.ts'
import { ACME, create, HEADER, openShard, poolOf, url } from './support/application.ts'

const show = async (request: FastifyRequest) => ({
  scope: currentScope() ?? null,
  shard: request.shard?.name,
  tenant: request.shard?.tenant,
})
describe('shardPlugin', () => {
  it('serves injected requests, each in its tenant’s scope, on one connection that goes back', async () => {
    const sharding = openShard({ max: 1 })
    const app = create()
    app.register(shardPlugin, { sharding, ...HEADER })
    app.get('/', show)
    app.post('/', async () => (await db.raw('select 1 as one')).rows)
    const { statusCode, body } = await app.inject({ url: '/', headers: ACME })
    expect(statusCode).toBe(200)
    expect(JSON.parse(body)).toMatchObject({ scope: { tenant: 'acme' }, shard: 'shard_0', tenant: 'acme' })
    const written = await app.inject({ method: 'POST', url: '/', headers: ACME, payload: { a: 1 } })
    expect(written.json()).toEqual([{ one: 1 }])
    expect((await app.inject('/')).json()).toEqual({ scope: null })
    expect(app.sharding).toBe(sharding)
    await until(() => poolOf(sharding).active === 0)
  })

  it('reads on replicas for methods that only read, and brings writers their stamp beside the cookies of the reply', async () => {
    const sharding = openSharding({
      shard_0: { connection: url, replicas: [{ connection: url }], tenants: ['acme'] },
    })
    const app = create()
    const secret = 'a secret of thirty-two characters'
    app.register(shardPlugin, { sharding, ...HEADER, readFromReplicas: { secret } })
    const scope = async () => currentScope()
    app.get('/', scope)
    app.get('/primary', { config: { shard: { role: 'writing' } } }, scope)
    app.post('/', async (_request, reply) => {
      await db.raw('create temporary table written ()')
      return reply.header('set-cookie', 'session=1').header('set-cookie', 'theme=dark').send({ done: true })
    })
    expect((await app.inject({ url: '/', headers: ACME })).json()).toMatchObject({ role: 'reading' })
    expect((await app.inject({ url: '/primary', headers: ACME })).json()).toMatchObject({ role: 'writing' })
    const { cookies } = await app.inject({ method: 'POST', url: '/', headers: ACME })
    expect(cookies.map(({ name }) => name)).toEqual([
      'session',
      'theme',
      expect.stringMatching(/^sherd-stamp-/),
    ])
  })

  it('L2: takes the connection once the body has been read and validated', async () => {
    const sharding = openShard()
    const app = create()
    const seen: unknown[] = []
    const look = (place: string) => () => {
      seen.push([place, currentScope()?.tenant, poolOf(sharding).active])
    }
    app.register(shardPlugin, { sharding, ...HEADER })
    app.addHook('preParsing', async () => look('preParsing')())
    app.addHook('preValidation', async () => look('preValidation')())
    const schema = {
      body: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } },
    } as const
    app.post('/', { schema }, async () => look('handler')())
    const send = (payload: object) => app.inject({ method: 'POST', url: '/', headers: ACME, payload })
    expect((await send({})).statusCode).toBe(400)
    expect(poolOf(sharding).total).toBe(0)
    expect((await send({ name: 'x' })).statusCode).toBe(200)
    expect(seen.slice(-3)).toEqual([
      ['preParsing', 'acme', 0],
      ['preValidation', 'acme', 0],
      ['handler', 'acme', 1],
    ])
  })

  it('lets each route differ: skip, checkout, role, required', async () => {
    const sharding = openShard()
    const app = create()
    app.register(shardPlugin, { sharding, ...HEADER, skip: ['/assets'], required: true })
    const active = async (request: FastifyRequest) => [
      request.shard?.tenant ?? null,
      currentScope()?.role ?? null,
      poolOf(sharding).active,
    ]
    app.get('/', active)
    app.get('/health', { config: { shard: { skip: true } } }, active)
    app.get('/assets/private', { config: { shard: { skip: false } } }, active)
    app.get('/lazy', { config: { shard: { checkout: 'lazy' } } }, active)
    app.get('/reading', { config: { shard: { role: 'reading', checkout: 'lazy' } } }, active)
    app.get('/public', { config: { shard: { required: false } } }, active)
    const ask = async (path: string, headers: Record<string, string> = ACME) => {
      await until(() => poolOf(sharding).active === 0)
      const { statusCode, body } = await app.inject({ url: path, headers })
      return statusCode === 200 ? JSON.parse(body) : statusCode
    }
    expect(await ask('/')).toEqual(['acme', 'writing', 1])
    expect(await ask('/', {})).toBe(400)
    expect(await ask('/health', {})).toEqual([null, null, 0])
    expect(await ask('/assets/private')).toEqual(['acme', 'writing', 1])
    expect(await ask('/lazy')).toEqual(['acme', 'writing', 0])
    expect(await ask('/reading')).toEqual(['acme', 'reading', 0])
    expect(await ask('/public', {})).toEqual([null, null, 0])
  })

  it('refuses at start what it, or a route, cannot use', async () => {
    const sharding = openShard()
    const wrong = create().register(shardPlugin, { sharding, ...HEADER, chekout: 'lazy' } as never)
    await expect(wrong).rejects.toThrow('There is no option "chekout". Did you mean "checkout"?')
    const app = create()
    await app.register(shardPlugin, { sharding, ...HEADER })
    expect(() => app.get('/', { config: { shard: { rol: 'reading' } as never } }, show)).toThrow(
      'There is no option "rol". Did you mean "role"?',
    )
  })

  it('is encapsulated: contexts side by side have options and Shardings of their own, others none', async () => {
    const one = openShard()
    const other = openShard()
    const app = create()
    app.register(async (context) => {
      context.register(shardPlugin, { sharding: one, tenant: () => 'acme' })
      context.get('/one', async (request) => [request.shard?.tenant, context.sharding === one])
    })
    app.register(async (context) => {
      context.register(shardPlugin, { sharding: other, tenant: () => 'globex' })
      context.get('/other', async (request) => [request.shard?.tenant, context.sharding === other])
    })
    app.get('/none', async (request) => [request.shard ?? null, currentScope() ?? null])
    expect((await app.inject('/one')).json()).toEqual(['acme', true])
    expect((await app.inject('/other')).json()).toEqual(['globex', true])
    expect((await app.inject('/none')).json()).toEqual([null, null])
  })

  it('registered around and inside keeps a request of one tenant on one lease, as the inner one has it taken', async () => {
    const sharding = openShard({ max: 1 })
    const app = create()
    app.register(shardPlugin, { sharding, ...HEADER })
    app.get('/outer', async () => poolOf(sharding).active)
    app.register(async (context) => {
      context.register(shardPlugin, { sharding, ...HEADER, checkout: 'lazy' })
      context.get('/inner', async () => [poolOf(sharding).active, currentScope()?.tenant])
    })
    expect((await app.inject({ url: '/outer', headers: ACME })).json()).toBe(1)
    await until(() => poolOf(sharding).active === 0)
    expect((await app.inject({ url: '/inner', headers: ACME })).json()).toEqual([0, 'acme'])
  })

  it('keeps a request where a hook has connected it, and brings it back where its context was lost', async () => {
    const sharding = openShard()
    const outsider: (() => void)[] = []
    const timer = setInterval(() => outsider.splice(0).forEach((fn) => void fn()), 1)
    onTestFinished(() => clearInterval(timer))
    const app = create()
    app.register(shardPlugin, { sharding, ...HEADER, checkout: 'lazy' })
    app.get('/lost', { preValidation: (_request, _reply, done) => void outsider.push(done) }, show)
    const connect = (_request: FastifyRequest, _reply: unknown, done: () => void) =>
      void connectedTo({ role: 'reading' }, done)
    app.get('/reading', { preValidation: connect }, show)
    const scopeOf = async (path: string) => (await app.inject({ url: path, headers: ACME })).json().scope
    expect(await scopeOf('/lost')).toMatchObject({ tenant: 'acme', role: 'writing' })
    expect(await scopeOf('/reading')).toMatchObject({ tenant: 'acme', role: 'reading' })
  })
})
