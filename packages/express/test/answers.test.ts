import { createSharding, db } from '@sherd/core'
import { type RequestOptions, shardErrorHandler, shardMiddleware } from '@sherd/express'
import { createDatabase } from '@sherd/local-servers/test-database'
import type { Application, Request } from 'express'
import supertest from 'supertest'
import { describe, expect, it, onTestFinished } from 'vitest'
import { deferred } from '../../core/test/support/deferred.ts'
import { openSharding } from '../../core/test/support/open-sharding.ts'
import { until } from '../../core/test/support/until.ts'
import { atRest, lastResort, listen, poolOf, route, start } from './support/application.ts'
import { expressVersions } from './support/express-versions.ts'
import { openShard } from './support/open-shards.ts'

const url = await createDatabase()
const UNAVAILABLE = {
  type: 'about:blank',
  title: 'Service temporarily unavailable',
  status: 503,
  error: 'Service temporarily unavailable',
}

type Options = Partial<RequestOptions<Request>>

describe.each(expressVersions)('an answer in %s', (_version, express) => {
  /** `/held` keeps its connection until told to let go; `/query` queries; `/` needs nothing. */
  async function application(sharding: ReturnType<typeof openShard>, options: Options = {}) {
    const done = deferred()
    onTestFinished(() => done.resolve())
    const routes = (app: Application) => {
      app.get(
        '/held',
        route(async (_req, res) => {
          await db.raw('select 1')
          await done.promise
          res.json('held')
        }),
      )
      app.get(
        '/query',
        route(async (_req, res) => res.json((await db.raw('select 1 as one')).rows)),
      )
      app.all('/', (_req, res) => {
        res.json('reached')
      })
    }
    return { app: await start(express, { sharding, options, routes }), done }
  }

  it('to a request without a tenant is the handler’s, and 400 where a tenant is required', async () => {
    const sharding = openShard(url)
    const { app: open } = await application(sharding)
    await supertest(open.url).get('/').expect(200, '"reached"')
    const { app: strict } = await application(sharding, { required: true })
    await supertest(strict.url)
      .get('/')
      .expect(400)
      .expect('content-type', 'application/problem+json')
      .expect('cache-control', 'no-store')
      .expect({ type: 'about:blank', title: 'Bad request', status: 400, code: 'SHARD_ERR_TENANT_MISSING' })
    await supertest(strict.url).options('/').expect(200)
    await supertest(strict.url).get('/').set('x-tenant-id', 'acme').expect(200)
  })

  it('to a query without a scope is the application’s: a mistake of the programmer', async () => {
    const { app } = await application(openShard(url))
    await supertest(app.url).get('/query').expect(500, { code: 'SHARD_ERR_SCOPE_MISSING' })
  })

  it('to a malformed tenant id is 400, and to an unknown tenant 404, without naming it', async () => {
    const { app } = await application(openShard(url))
    const bad = { type: 'about:blank', title: 'Bad request', status: 400, code: 'SHARD_ERR_TENANT_INVALID' }
    await supertest(app.url).get('/').set('x-tenant-id', 'x'.repeat(256)).expect(400, bad)
    const unknown = { type: 'about:blank', title: 'Not found', status: 404, code: 'SHARD_ERR_TENANT_UNKNOWN' }
    const response = await supertest(app.url).get('/').set('x-tenant-id', 'umbrella').expect(404, unknown)
    expect(JSON.stringify([response.headers, response.text])).not.toContain('umbrella')
  })

  it('is 503 POOL_OVERLOADED at once when as many wait as may', async () => {
    const sharding = openShard(url, { max: 1, maxWaiting: 1, checkoutTimeoutMs: 60_000 })
    const { app, done } = await application(sharding)
    const held = app.json('/held', 'acme')
    await until(() => poolOf(sharding).active === 1)
    const waiting = app.json('/query', 'acme')
    await until(() => poolOf(sharding).waiting === 1)
    for (const init of [{}, { method: 'POST', body: 'still to be read' }]) {
      const response = await app.ask('/', 'acme', init)
      const retryAfter = Number(response.headers.get('retry-after'))
      expect([response.status, await response.json()]).toEqual([
        503,
        { ...UNAVAILABLE, code: 'SHARD_ERR_POOL_OVERLOADED', shard: 'shard_0', retryAfter },
      ])
      expect(retryAfter).toBeGreaterThan(0)
    }
    done.resolve()
    await expect(Promise.all([held, waiting])).resolves.toEqual(['held', [{ one: 1 }]])
    await atRest(sharding)
  })

  it('is 503 SHARD_UNAVAILABLE for a database that refuses, while other shards serve', async () => {
    const secret = 'postgres://admin:hunter2@127.0.0.1:1/nowhere'
    const sharding = openSharding({
      shard_0: { connection: url, tenants: ['acme'] },
      shard_1: { connection: secret, tenants: ['globex'] },
    })
    const { app } = await application(sharding)
    const response = await app.ask('/query', 'globex')
    const text = await response.text()
    const retryAfter = Number(response.headers.get('retry-after'))
    expect(JSON.parse(text)).toEqual({
      ...UNAVAILABLE,
      code: 'SHARD_ERR_SHARD_UNAVAILABLE',
      shard: 'shard_1',
      retryAfter,
    })
    for (const word of ['hunter2', 'admin', '127.0.0.1', 'nowhere', 'ECONN', 'globex', '.ts']) {
      expect(text).not.toContain(word)
    }
    await supertest(app.url).get('/query').set('x-tenant-id', 'acme').expect(200)
    await atRest(sharding)
  })

  it('is 503 POOL_DRAINING once the Sharding is being closed, and those under way finish', async () => {
    const sharding = openShard(url)
    const { app, done } = await application(sharding)
    const held = app.json('/held', 'acme')
    await until(() => poolOf(sharding).active === 1)
    const closed = sharding.close()
    const response = await app.ask('/', 'acme')
    expect([response.status, await response.json()]).toEqual([
      503,
      {
        ...UNAVAILABLE,
        code: 'SHARD_ERR_POOL_DRAINING',
        shard: 'shard_0',
        retryAfter: Number(response.headers.get('retry-after')),
      },
    ])
    const unscoped = await app.ask('/')
    expect(unscoped.status).toBe(200)
    done.resolve()
    await expect(held).resolves.toBe('held')
    await closed
    expect(poolOf(sharding).total).toBe(0)
  })

  it('is 503 ROUTER_UNAVAILABLE when the directory of tenants fails, and names no shard', async () => {
    const lookup = async () => {
      throw new Error('directory at 10.0.0.7 is down')
    }
    const sharding = createSharding({
      config: {
        router: { strategy: 'lookup', lookup },
        shards: { shard_0: { client: 'pg', connection: url } },
      },
    })
    const { app } = await application(sharding)
    const response = await app.ask('/', 'acme')
    const retryAfter = response.headers.get('retry-after')
    expect([response.status, await response.json()]).toEqual([
      503,
      {
        ...UNAVAILABLE,
        code: 'SHARD_ERR_ROUTER_UNAVAILABLE',
        ...(retryAfter === null ? {} : { retryAfter: Number(retryAfter) }),
      },
    ])
  })

  it('to a connection that could not be had inside the handler is the same, from shardErrorHandler', async () => {
    const sharding = openShard(url, { max: 1, checkoutTimeoutMs: 1000 })
    const { app, done } = await application(sharding, { checkout: 'lazy' })
    const held = app.json('/held', 'acme')
    await until(() => poolOf(sharding).active === 1)
    const response = await app.ask('/query', 'acme')
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.get('etag')).toBeNull()
    expect([response.status, await response.json()]).toEqual([
      503,
      {
        ...UNAVAILABLE,
        code: 'SHARD_ERR_CHECKOUT_TIMEOUT',
        shard: 'shard_0',
        retryAfter: Number(response.headers.get('retry-after')),
      },
    ])
    done.resolve()
    await held
    await atRest(sharding)
  })

  it('does not name the shard where exposeShard is false, in the error handler neither', async () => {
    const sharding = openShard(url, { max: 1, checkoutTimeoutMs: 1000 })
    const { app: eager, done } = await application(sharding, { exposeShard: false })
    const { app: lazy } = await application(sharding, { exposeShard: false, checkout: 'lazy' })
    const { app: next } = await application(sharding, { exposeShard: false, onUnavailable: 'next' })
    const held = eager.json('/held', 'acme')
    await until(() => poolOf(sharding).active === 1)
    const responses = await Promise.all([eager, lazy, next].map((app) => app.ask('/query', 'acme')))
    for (const response of responses) {
      const retryAfter = Number(response.headers.get('retry-after'))
      expect(await response.json()).toEqual({
        ...UNAVAILABLE,
        code: 'SHARD_ERR_CHECKOUT_TIMEOUT',
        retryAfter,
      })
    }
    done.resolve()
    await held
    await atRest(sharding)
  })

  it('is the application’s own with onUnavailable: next', async () => {
    const sharding = openShard(url)
    const app = express()
    app.use(
      shardMiddleware({
        sharding,
        tenant: { header: 'x-tenant-id' },
        onUnavailable: 'next',
        required: true,
      }),
    )
    app.use(((error, _req, res, _next) => {
      res.status(error.statusCode).set(error.headers).send(`my own page for ${error.code}`)
    }) satisfies typeof lastResort)
    const { url: base } = await listen(app)
    await supertest(base).get('/').expect(400, 'my own page for SHARD_ERR_TENANT_MISSING')
    await supertest(base)
      .get('/')
      .set('x-tenant-id', 'nobody')
      .expect(404, 'my own page for SHARD_ERR_TENANT_UNKNOWN')
    await sharding.close()
    const response = await supertest(base).get('/').set('x-tenant-id', 'acme').expect(503)
    expect(response.text).toBe('my own page for SHARD_ERR_POOL_DRAINING')
    expect(response.headers['retry-after']).toMatch(/^[12]$/)
    expect(response.headers['cache-control']).toBe('no-store')
  })

  it('has Express’s own error handling honour status and headers, where there is no other', async () => {
    const app = express()
    app.set('env', 'test')
    app.use(shardMiddleware({ sharding: openShard(url), tenant: () => 'nobody', onUnavailable: 'next' }))
    const { url: base } = await listen(app)
    await supertest(base).get('/').expect(404).expect('cache-control', 'no-store')
  })

  it('from shardErrorHandler replaces what the handler had said about its own body', async () => {
    const sharding = openShard(url)
    const app = express()
    app.use(shardMiddleware({ sharding, tenant: { header: 'x-tenant-id' }, checkout: 'lazy' }))
    app.get(
      '/',
      route(async (_req, res) => {
        res.set({
          'content-length': '1000',
          'content-type': 'text/csv',
          etag: '"csv"',
          'content-encoding': 'x',
        })
        res.set('x-request-id', '7')
        await sharding.close()
        await db.raw('select 1')
      }),
    )
    app.use(shardErrorHandler())
    const { url: base } = await listen(app)
    const { headers, body } = await supertest(base).get('/').set('x-tenant-id', 'acme').expect(503)
    expect(body.code).toBe('SHARD_ERR_POOL_DRAINING')
    expect(headers['content-type']).toBe('application/problem+json')
    expect(headers['content-length']).toBe(String(JSON.stringify(body).length))
    expect([headers['etag'], headers['content-encoding'], headers['x-request-id']]).toEqual([
      undefined,
      undefined,
      '7',
    ])
  })

  it('from shardErrorHandler leaves other errors, and answers that have begun, to those behind it', async () => {
    const sharding = openShard(url)
    const app = express()
    const passed: unknown[] = []
    app.use(shardMiddleware({ sharding, tenant: { header: 'x-tenant-id' }, checkout: 'lazy' }))
    app.get('/bug', () => {
      throw new Error('a bug')
    })
    app.get(
      '/begun',
      route(async (_req, res) => {
        res.write('begun')
        await sharding.close()
        await db.raw('select 1')
      }),
    )
    app.use(shardErrorHandler())
    app.use(((error, req, res, next) => {
      passed.push(error.code ?? error.message)
      lastResort(error, req, res, next)
    }) satisfies typeof lastResort)
    const { url: base } = await listen(app)
    await supertest(base).get('/bug').set('x-tenant-id', 'acme').expect(500)
    await expect(supertest(base).get('/begun').set('x-tenant-id', 'acme')).rejects.toThrow()
    expect(passed).toEqual(['a bug', 'SHARD_ERR_POOL_DRAINING'])
  })

  it('can have its shard named or hidden by shardErrorHandler itself', async () => {
    const sharding = openShard(url)
    await sharding.close()
    const codes = async (middleware: boolean | undefined, handler: boolean | undefined) => {
      const app = express()
      const hidden = middleware === undefined ? {} : { exposeShard: middleware }
      app.use(shardMiddleware({ sharding, tenant: () => 'acme', onUnavailable: 'next', ...hidden }))
      app.use(shardErrorHandler(handler === undefined ? {} : { exposeShard: handler }))
      const { url: base } = await listen(app)
      return (await supertest(base).get('/').expect(503)).body.shard
    }
    await expect(codes(undefined, undefined)).resolves.toBe('shard_0')
    await expect(codes(false, undefined)).resolves.toBeUndefined()
    await expect(codes(undefined, false)).resolves.toBeUndefined()
    await expect(codes(false, true)).resolves.toBe('shard_0')
  })
})
