import { createSharding, currentScope, db, type Sharding, type ShardingError } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { describe, expect, it, onTestFinished } from 'vitest'
import { RawClient } from '../../core/test/adapter/serve.ts'
import { deferred } from '../../core/test/support/deferred.ts'
import { openSharding } from '../../core/test/support/open-sharding.ts'
import { until } from '../../core/test/support/until.ts'
import type { StartApp } from './host.ts'
import { atRest, type Options, openShard, poolOf, type Routes, start } from './support/application.ts'

const url = await createDatabase()
const UNAVAILABLE = {
  type: 'about:blank',
  title: 'Service temporarily unavailable',
  status: 503,
  error: 'Service temporarily unavailable',
}

export function describeAnswers(name: string, startApp: StartApp): void {
  describe(`an answer in ${name}`, () => {
    /** `/held` keeps its connection until told to let go; `/query` queries; `/` needs nothing. */
    async function application(sharding: Sharding, options: Options = {}) {
      const done = deferred()
      onTestFinished(() => done.resolve())
      const routes = (app: Routes) => {
        app.get('/held', async (_req, res) => {
          await db.raw('select 1')
          await done.promise
          res.json('held')
        })
        app.get('/query', async (_req, res) => res.json((await db.raw('select 1 as one')).rows))
        app.all('/', (_req, res) => {
          res.json('reached')
        })
      }
      return { app: await start(startApp, { sharding, options, routes }), done }
    }

    it('to a request without a tenant is the handler’s, and 400 where a tenant is required', async () => {
      const sharding = openShard(url)
      const { app: open } = await application(sharding)
      await expect(open.json('/')).resolves.toBe('reached')
      const { app: strict } = await application(sharding, { required: true })
      const refused = await strict.ask('/')
      expect(refused.headers.get('content-type')).toBe('application/problem+json')
      expect(refused.headers.get('cache-control')).toBe('no-store')
      expect([refused.status, await refused.json()]).toEqual([
        400,
        { type: 'about:blank', title: 'Bad request', status: 400, code: 'SHARD_ERR_TENANT_MISSING' },
      ])
      await expect(strict.json('/', 'acme')).resolves.toBe('reached')
    })

    it('to a query without a scope is the application’s: a mistake of the programmer', async () => {
      const { app } = await application(openShard(url))
      const response = await app.ask('/query')
      expect([response.status, await response.json()]).toMatchObject([
        500,
        { code: 'SHARD_ERR_SCOPE_MISSING' },
      ])
    })

    it('to a malformed or ambiguous tenant id is 400, and to an unknown tenant 404, without naming it', async () => {
      const { app } = await application(openShard(url))
      const bad = { type: 'about:blank', title: 'Bad request', status: 400, code: 'SHARD_ERR_TENANT_INVALID' }
      const malformed = await app.ask('/', 'x'.repeat(256))
      expect([malformed.status, await malformed.json()]).toEqual([400, bad])
      const client = new RawClient(app.port)
      client.request('GET /', 'x-tenant-id: acme', 'x-tenant-id: globex')
      await expect(client.receive(/SHARD_ERR_TENANT_INVALID/)).resolves.toMatch(/^HTTP\/1.1 400 /)
      const unknown = await app.ask('/', 'umbrella')
      const text = await unknown.text()
      expect([unknown.status, JSON.parse(text)]).toEqual([
        404,
        { type: 'about:blank', title: 'Not found', status: 404, code: 'SHARD_ERR_TENANT_UNKNOWN' },
      ])
      expect(JSON.stringify([...unknown.headers]) + text).not.toContain('umbrella')
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
        expect(await expectUnavailable(response)).toEqual({
          ...UNAVAILABLE,
          code: 'SHARD_ERR_POOL_OVERLOADED',
          shard: 'shard_0',
          retryAfter: Number(response.headers.get('retry-after')),
        })
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
      expect((await app.ask('/query', 'acme')).status).toBe(200)
      await atRest(sharding)
    })

    it('is 503 CIRCUIT_OPEN at once while the shard is isolated, with a body still to be read, too', async () => {
      const sharding = openShard(url)
      const { app } = await application(sharding)
      await app.json('/query', 'acme')
      const isolation = sharding.isolate('shard_0')
      for (const init of [{}, { method: 'POST', body: 'still to be read' }]) {
        const response = await app.ask('/', 'acme', init)
        expect(await expectUnavailable(response)).toMatchObject({
          code: 'SHARD_ERR_CIRCUIT_OPEN',
          shard: 'shard_0',
        })
      }
      await expect(app.json('/')).resolves.toBe('reached')
      isolation.release()
      await expect(app.json('/query', 'acme')).resolves.toEqual([{ one: 1 }])
      await atRest(sharding)
    })

    it('is 503 POOL_DRAINING once the Sharding is being closed, and those under way finish', async () => {
      const sharding = openShard(url)
      const { app, done } = await application(sharding)
      const held = app.json('/held', 'acme')
      await until(() => poolOf(sharding).active === 1)
      const closed = sharding.close()
      const response = await app.ask('/', 'acme')
      expect(await expectUnavailable(response)).toEqual({
        ...UNAVAILABLE,
        code: 'SHARD_ERR_POOL_DRAINING',
        shard: 'shard_0',
        retryAfter: Number(response.headers.get('retry-after')),
      })
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

    it('to a connection that could not be had inside the handler is the same', async () => {
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

    it('is the application’s own with onUnavailable: next, outside of every scope', async () => {
      const sharding = openShard(url)
      const app = await start(startApp, {
        sharding,
        options: { onUnavailable: 'next', required: true },
        routes: (routes) => routes.get('/', (_req, res) => res.json('reached')),
        onError: (error, _req, res) => {
          const { code, statusCode, headers } = error as ShardingError
          res.json([
            code,
            statusCode,
            headers['cache-control'],
            'retry-after' in headers,
            currentScope() ?? null,
          ])
        },
      })
      await expect(app.json('/')).resolves.toEqual(['SHARD_ERR_TENANT_MISSING', 400, 'no-store', false, null])
      await expect(app.json('/', 'nobody')).resolves.toEqual([
        'SHARD_ERR_TENANT_UNKNOWN',
        404,
        'no-store',
        false,
        null,
      ])
      await sharding.close()
      await expect(app.json('/', 'acme')).resolves.toEqual([
        'SHARD_ERR_POOL_DRAINING',
        503,
        'no-store',
        true,
        null,
      ])
    })
  })
}

/** The headers that every 503 has. Returns its body. */
async function expectUnavailable(response: globalThis.Response): Promise<unknown> {
  const body = (await response.json()) as { readonly retryAfter: number }
  expect(response.status).toBe(503)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(response.headers.get('retry-after')).toBe(String(body.retryAfter))
  expect(body.retryAfter).toBeGreaterThan(0)
  return body
}
