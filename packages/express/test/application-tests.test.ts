import { createSharding, db } from '@sherd/core'
import {
  expectReleased,
  failRouter,
  failShard,
  forceScope,
  type ShardFailure,
  transactionalTests,
} from '@sherd/core/testing'
import { shardErrorHandler, shardMiddleware } from '@sherd/express'
import { createDatabase } from '@sherd/local-servers/test-database'
import express, { type Express } from 'express'
import pg from 'pg'
import supertest from 'supertest'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'

const urls = [await createDatabase(), await createDatabase()]
for (const url of urls) await query(url, 'create table projects (tenant text, name text unique)')

/** The application under test: it knows nothing of its tests. */
function createApp(): Express {
  const app = express()
  app.use(shardMiddleware({ sharding, tenant: { header: 'x-tenant-id' } }))
  app.use(express.json())
  app.get('/shard', (req, res) => void res.json(req.shard?.scope ?? null))
  app.get('/projects', async (_req, res) => {
    res.json({ names: await db('projects').pluck('name').orderBy('name') })
  })
  app.post('/projects', async (req, res) => {
    const { tenant } = sharding.requireScope()
    await db.transaction((trx) => trx('projects').insert({ tenant, name: req.body.name }))
    res.status(201).json({})
  })
  app.post('/settings', async (_req, res) => {
    await db.raw("set search_path = 'nowhere'")
    res.json({})
  })
  app.post('/left-open', async (_req, res) => {
    await db.raw('begin')
    await db('projects').insert({ name: 'left open' })
    res.json({})
  })
  app.use(shardErrorHandler())
  return app
}

const sharding = createSharding({
  config: {
    defaults: { client: 'pg' },
    shards: {
      shard_0: { connection: urls[0] as string, tenants: ['acme'] },
      shard_1: { connection: urls[1] as string, tenants: ['hooli'] },
    },
  },
})
afterAll(() => sharding.close())
const app = createApp()
const get = (path: string, tenant = 'acme') => supertest(app).get(path).set('x-tenant-id', tenant)
const post = (path: string, body: object, tenant = 'acme') =>
  supertest(app).post(path).set('x-tenant-id', tenant).send(body)
const namesOf = async (tenant: string) => (await get('/projects', tenant).expect(200)).body.names

async function query(url: string, sql: string) {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

describe('requests of an application in a test that is rolled back', () => {
  const tests = transactionalTests(sharding)
  beforeEach(tests.begin)
  afterEach(tests.rollback)
  afterEach(async () => {
    await tests.rollback()
    for (const url of urls) expect(await query(url, 'select * from projects')).toEqual([])
  })

  test.each([1, 2])('see what earlier ones of the same test committed, time %i', async () => {
    await post('/projects', { name: 'Rocket' }).expect(201)
    await post('/projects', { name: 'Nucleus' }, 'hooli').expect(201)
    expect(await namesOf('acme')).toEqual(['Rocket'])
    expect(await namesOf('hooli')).toEqual(['Nucleus'])
  })

  test('do not suffer from one that failed, left a transaction open or changed settings', async () => {
    await post('/projects', { name: 'Rocket' }).expect(201)
    await post('/projects', { name: 'Rocket' }).expect(500)
    await post('/settings', {}).expect(200)
    await post('/left-open', {}).expect(200)
    expect(await namesOf('acme')).toEqual(['Rocket'])
  })

  test.each(['checkout-timeout', 'circuit-open', 'isolate'] as const)(
    'survive a failure by %s',
    async (failure) => {
      await post('/projects', { name: 'Rocket' }).expect(201)
      {
        using _ =
          failure === 'isolate' ? sharding.isolate('shard_0') : failShard(sharding, 'shard_0', failure)
        await get('/projects').expect(503)
      }
      expect(await namesOf('acme')).toEqual(['Rocket'])
    },
  )

  test('queue when they come at once', async () => {
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => post('/projects', { name: `Rocket ${index}` })),
    )
    expect(await namesOf('acme')).toHaveLength(20)
  })
})

describe('a failure that is forced', () => {
  afterEach(() => expectReleased(sharding))

  test.each<[ShardFailure, string]>([
    ['checkout-timeout', 'SHARD_ERR_CHECKOUT_TIMEOUT'],
    ['unavailable', 'SHARD_ERR_SHARD_UNAVAILABLE'],
    ['circuit-open', 'SHARD_ERR_CIRCUIT_OPEN'],
    ['overloaded', 'SHARD_ERR_POOL_OVERLOADED'],
    ['draining', 'SHARD_ERR_POOL_DRAINING'],
  ])('by %s is answered as the real one, at once, and by that shard alone', async (failure, code) => {
    const began = performance.now()
    {
      using _ = failShard(sharding, 'shard_0', failure)
      for (const request of [get('/projects'), post('/projects', { name: 'Rocket' })]) {
        const { body, headers } = await request
          .expect(503)
          .expect('content-type', /^application\/problem\+json/)
        expect(body).toEqual({
          type: 'about:blank',
          title: 'Service temporarily unavailable',
          status: 503,
          code,
          error: 'Service temporarily unavailable',
          shard: 'shard_0',
          retryAfter: Number(headers['retry-after']),
        })
        expect(headers['cache-control']).toBe('no-store')
      }
      await get('/projects', 'hooli').expect(200)
    }
    expect(performance.now() - began).toBeLessThan(1500)
    await get('/projects').expect(200)
  })

  test('holds for shards that nobody has used, and for code that is no request', async () => {
    const fresh = createSharding({
      config: { shards: { shard_0: { client: 'pg', connection: urls[0] as string, tenants: ['acme'] } } },
    })
    const failure = failShard(fresh, 'shard_0', 'checkout-timeout')
    await expect(fresh.connectedTo('shard_0', () => {})).rejects.toMatchObject({
      code: 'SHARD_ERR_CHECKOUT_TIMEOUT',
      message: expect.stringContaining('within 2000 ms (0 of 10 in use'),
    })
    expect(() => failShard(fresh, 'shard_0', 'draining')).toThrow('fails already')
    failure.restore()
    failure.restore()
    await fresh.connectedTo('shard_0', () => {})
    await fresh.close()
  })

  test('comes after a while if it is told to', async () => {
    using _ = failShard(sharding, 'shard_0', 'checkout-timeout', { afterMs: 50 })
    const began = performance.now()
    await get('/projects').expect(503)
    expect(performance.now() - began).toBeGreaterThan(45)
  })

  test('of the router is answered as the real one', async () => {
    {
      using _ = failRouter(sharding)
      expect(() => failRouter(sharding)).toThrow('fails already')
      const { body } = await get('/projects').expect(503)
      expect(body).toMatchObject({ code: 'SHARD_ERR_ROUTER_UNAVAILABLE' })
      await expect(sharding.connectedToTenant('acme', () => {})).rejects.toMatchObject({ statusCode: 503 })
    }
    await get('/projects').expect(200)
  })

  test('must be one that there is, of a shard that there is', () => {
    expect(() => failShard(sharding, 'shard_9', 'draining')).toThrow('"shard_9"')
    expect(() => failShard(sharding, 'shard_0', 'broken' as never)).toThrow('"broken"')
  })
})

describe('a scope that is forced', () => {
  test('is that of every request, whatever tenant it names', async () => {
    const locked = { role: 'writing', preventWrites: false, locked: true }
    {
      using _ = forceScope(sharding, { shard: 'shard_1' })
      expect((await supertest(app).get('/shard')).body).toEqual({ shard: 'shard_1', ...locked })
      expect((await get('/shard', 'nobody')).body).toEqual({ shard: 'shard_1', ...locked })
      expect(() => forceScope(sharding, { tenant: 'acme' })).toThrow('already')
    }
    {
      using _ = forceScope(sharding, { tenant: 'hooli' })
      expect((await get('/shard')).body).toEqual({ shard: 'shard_1', tenant: 'hooli', ...locked })
    }
    {
      using _ = forceScope(sharding, { shard: 'shard_1', tenant: 7 })
      expect((await get('/shard')).body).toEqual({ shard: 'shard_1', tenant: '7', ...locked })
    }
    expect((await get('/shard')).body).toMatchObject({ shard: 'shard_0', tenant: 'acme' })
    expect((await supertest(app).get('/shard')).body).toBe(null)
  })

  test('must be one that there can be', () => {
    expect(() => forceScope(sharding, { shard: 'shard_9' })).toThrow('"shard_9"')
    expect(() => forceScope(sharding, {} as never)).toThrow('a shard or a tenant')
    expect(() => forceScope(sharding, { tenant: '' })).toThrow()
  })
})
