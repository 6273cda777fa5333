import { atRest, openShard, poolOf } from '@sherd/conformance/application'
import { currentScope, db } from '@sherd/core'
import { type RequestOptions, shardMiddleware } from '@sherd/express'
import { createDatabase } from '@sherd/local-servers/test-database'
import type { Request } from 'express'
import supertest from 'supertest'
import { describe, expect, it } from 'vitest'
import { openSharding } from '../../core/test/support/open-sharding.ts'
import { start } from './support/application.ts'
import { expressVersions } from './support/express-versions.ts'
import { route } from './support/route.ts'

const url = await createDatabase()
const replicaUrl = await createDatabase()

describe.each(expressVersions)('shardMiddleware in %s', (_version, express) => {
  async function application(options: Partial<RequestOptions<Request>>, sharding = openShard(url)) {
    const app = await start(express, {
      sharding,
      options,
      routes: (routes) => {
        routes.get(
          '/database',
          route(async (_req, res) => res.json((await db.raw('select current_database()')).rows)),
        )
        routes.get(
          '/write',
          route(async (_req, res) => res.json(await db('nowhere').insert({ a: 1 }))),
        )
        routes.use((_req, res) => {
          res.json(currentScope() ?? null)
        })
      },
    })
    return { app, agent: supertest(app.url), sharding }
  }

  it('brings writers their stamp beside the cookies of the application, and needs a secret for it at the start', async () => {
    const sharding = openSharding({
      shard_0: { connection: url, replicas: [{ connection: replicaUrl }], tenants: ['acme'] },
    })
    const app = await start(express, {
      sharding,
      options: { readFromReplicas: { secret: 'a secret of thirty-two characters' } },
      routes: (routes) => {
        routes.post(
          '/login',
          route(async (_req, res) => {
            await db.raw('create temporary table written ()')
            res.cookie('session', '1').cookie('theme', 'dark').json(currentScope())
          }),
        )
      },
    })
    const answer = await supertest(app.url).post('/login').set('x-tenant-id', 'acme')
    expect(answer.get('Set-Cookie')).toEqual([
      'session=1; Path=/',
      'theme=dark; Path=/',
      expect.stringMatching(/^sherd-stamp-[\w-]{8}=/),
    ])
    await atRest(sharding)
    expect(() => shardMiddleware({ sharding, readFromReplicas: true })).toThrow(/SHERD_STAMP_SECRET/)
  })

  it('refuses at start what it cannot use', () => {
    const sharding = openShard(url)
    expect(() => shardMiddleware({ sharding, chekout: 'lazy' } as never)).toThrow(
      new TypeError('There is no option "chekout". Did you mean "checkout"?'),
    )
    expect(() => shardMiddleware({ sharding })).toThrow(/^No tenant source/)
    expect(() => shardMiddleware()).toThrow(/The sharding configuration has a problem/)
  })

  it('with required refuses what names no tenant, but never OPTIONS', async () => {
    const { agent } = await application({ required: true })
    await agent.get('/').expect(400)
    await agent.head('/').expect(400)
    await agent.options('/').expect(200, 'null')
    await agent.get('/').set('x-tenant-id', 'acme').expect(200)
  })

  it('with skip leaves paths alone, whatever tenant they name', async () => {
    const { agent, sharding } = await application({ skip: ['/health', /^\/assets\//], required: true })
    for (const path of ['/health', '/health/live?x=1', '/assets/app.js']) {
      await agent.get(path).set('x-tenant-id', 'nobody').expect(200, 'null')
    }
    await agent.get('/healthy').set('x-tenant-id', 'nobody').expect(404)
    expect(poolOf(sharding).total).toBe(0)
  })

  it('with skip as a function asks it of Express’s request', async () => {
    const { agent } = await application({ skip: (req) => req.get('x-internal') === 'yes' })
    await agent.get('/').set({ 'x-tenant-id': 'nobody', 'x-internal': 'yes' }).expect(200, 'null')
    await agent.get('/').set('x-tenant-id', 'nobody').expect(404)
  })

  it('S8: with role reading queries a replica, and refuses to write', async () => {
    const sharding = openSharding({
      shard_0: { connection: url, tenants: ['acme'], replicas: [{ connection: replicaUrl }] },
    })
    const { app } = await application({ role: 'reading' }, sharding)
    const replica = new URL(replicaUrl).pathname.slice(1)
    await expect(app.json('/database', 'acme')).resolves.toEqual([{ current_database: replica }])
    await expect(app.json('/', 'acme')).resolves.toMatchObject({ role: 'reading', preventWrites: true })
    const refused = await app.ask('/write', 'acme')
    expect([refused.status, await refused.json()]).toEqual([500, { code: 'SHARD_ERR_WRITE_PREVENTED' }])
    expect(poolOf(sharding).total).toBe(0)
    await atRest(sharding)
  })

  it('with perRequest differs for some requests', async () => {
    const { agent, sharding } = await application({
      perRequest: (req) => {
        if (req.method === 'GET') return { role: 'reading' }
        return req.path === '/public' ? { skip: () => true } : undefined
      },
    })
    const scope = (body: unknown) => expect.objectContaining(body as object)
    const roleOf = async (method: 'get' | 'put', path: string) =>
      (await agent[method](path).set('x-tenant-id', 'acme')).body
    expect(await roleOf('get', '/')).toEqual(scope({ role: 'reading' }))
    expect(await roleOf('put', '/')).toEqual(scope({ role: 'writing' }))
    expect(await roleOf('put', '/public')).toBeNull()
    await atRest(sharding)
  })

  it('with a perRequest that returns nonsense fails those requests, not the server', async () => {
    const { agent } = await application({ perRequest: () => ({ rol: 'reading' }) as never })
    const { body } = await agent.get('/').set('x-tenant-id', 'acme').expect(500)
    expect(body.code).toBe('TypeError: There is no option for a single request "rol". Did you mean "role"?')
  })

  it('with a list of sources takes the first that answers', async () => {
    const { agent } = await application({
      tenant: [
        { header: 'x-tenant-id' },
        { cookie: 'tenant' },
        { subdomain: 'example.com' },
        { path: '/t/:tenant' },
        { claim: 'tenant_id' },
        async (req) => req.get('x-last'),
      ],
    })
    const tenant = async (path: string, headers: Record<string, string>) =>
      (await agent.get(path).set(headers)).body?.tenant
    expect(await tenant('/t/acme', { host: 'globex.example.com', cookie: 'tenant=acme' })).toBe('acme')
    expect(await tenant('/t/acme', { host: 'globex.example.com' })).toBe('globex')
    expect(await tenant('/t/globex', { 'x-last': 'acme' })).toBe('globex')
    expect(await tenant('/', { 'x-last': 'acme' })).toBe('acme')
    expect(await tenant('/', {})).toBeUndefined()
  })

  it('takes a claim that authentication before it has verified', async () => {
    const sharding = openShard(url)
    const app = await start(express, {
      sharding,
      options: { tenant: { claim: 'tenant_id' }, required: true },
      before: (before) => {
        before.use((req, _res, next) => {
          Object.assign(req, {
            auth: req.get('authorization') === 'good' ? { tenant_id: 'acme' } : undefined,
          })
          next()
        })
      },
      routes: (routes) => {
        routes.use((req, res) => {
          res.json(req.shard?.tenant)
        })
      },
    })
    await supertest(app.url).get('/').set('authorization', 'good').expect(200, '"acme"')
    await supertest(app.url).get('/').set('authorization', 'bad').expect(400)
  })

  it('hands what a function throws, or rejects with, to Express', async () => {
    const bug = () => {
      throw new Error('a bug in the application')
    }
    for (const tenant of [bug, async () => bug()]) {
      const { agent } = await application({ tenant })
      await agent.get('/').expect(500, { code: 'Error: a bug in the application' })
    }
  })
})
