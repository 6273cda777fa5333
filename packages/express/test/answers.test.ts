import { openShard } from '@sherd/conformance/application'
import { db } from '@sherd/core'
import { shardErrorHandler, shardMiddleware } from '@sherd/express'
import { createDatabase } from '@sherd/local-servers/test-database'
import supertest from 'supertest'
import { describe, expect, it } from 'vitest'
import { lastResort, listen } from './support/application.ts'
import { expressVersions } from './support/express-versions.ts'
import { route } from './support/route.ts'

const url = await createDatabase()

describe.each(expressVersions)('an answer in %s', (_version, express) => {
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
