import { currentScope, db, type Sharding } from '@sherd/core'
import { shardPlugin } from '@sherd/fastify'
import type { FastifyInstance } from 'fastify'
import { describe, expect, it, onTestFinished } from 'vitest'
import { deferred } from '../../core/test/support/deferred.ts'
import { until } from '../../core/test/support/until.ts'
import { ACME, create, HEADER, openShard, poolOf } from './support/application.ts'

describe('an error', () => {
  const problem = { status: 503, code: 'SHARD_ERR_CHECKOUT_TIMEOUT', shard: 'shard_0' }

  async function overloaded(build: (app: FastifyInstance, sharding: Sharding) => void) {
    const sharding = openShard({ max: 1, checkoutTimeoutMs: 500 })
    const app = create()
    build(app, sharding)
    app.addHook('onSend', async (_request, reply) => void reply.header('x-sent', 'yes'))
    const done = deferred()
    onTestFinished(() => done.resolve())
    void sharding.connectedTo({ shard: 'shard_0', checkoutTimeoutMs: 10_000 }, () => done.promise)
    await until(() => poolOf(sharding).active === 1)
    return app
  }
  const query = (app: FastifyInstance) => app.get('/query', () => db.raw('select 1'))

  it.each([
    ['before the handler', {}],
    ['in the handler', { checkout: 'lazy' }],
    ['handed to Fastify', { onUnavailable: 'next' }],
  ] as const)(
    '%s is answered as a problem document, through Fastify’s onSend hooks',
    async (_where, options) => {
      const app = await overloaded((app, sharding) => {
        app.register(shardPlugin, { sharding, ...HEADER, ...options })
        app.after(() => query(app))
      })
      const { statusCode, headers, body } = await app.inject({ url: '/query', headers: ACME })
      expect(statusCode).toBe(503)
      expect(headers).toMatchObject({
        'content-type': 'application/problem+json',
        'cache-control': 'no-store',
        'x-sent': 'yes',
      })
      const retryAfter = Number(headers['retry-after'])
      expect(JSON.parse(body)).toMatchObject({ ...problem, retryAfter })
    },
  )

  it.each([
    ['set before', 'before'],
    ['set behind', 'behind'],
    ['set around', 'around'],
  ] as const)(
    'is the application’s where it has an error handler of its own, %s the plugin',
    async (_name, where) => {
      const app = await overloaded((app, sharding) => {
        const own = () =>
          app.setErrorHandler((error: { code: string }, _request, reply) => {
            reply.code(500).send(`my own page for ${error.code}, ${currentScope()?.tenant}`)
          })
        if (where !== 'behind') own()
        if (where === 'around') {
          app.register(async (context) => {
            context.register(shardPlugin, { sharding, ...HEADER, checkout: 'lazy' })
            context.after(() => query(context))
          })
        } else {
          app.register(shardPlugin, { sharding, ...HEADER, checkout: 'lazy' })
          app.after(() => query(app))
        }
        if (where === 'behind') own()
      })
      const { body } = await app.inject({ url: '/query', headers: ACME })
      expect(body).toBe('my own page for SHARD_ERR_CHECKOUT_TIMEOUT, acme')
    },
  )

  it('that is not Sherd’s is answered as ever, whatever was thrown', async () => {
    const build = (app: FastifyInstance) => {
      const things = [new Error('a bug'), Object.assign(new Error('teapot'), { statusCode: 418 }), 'text']
      for (const [index, thing] of things.entries()) {
        app.get(`/${index}`, async () => {
          throw thing
        })
      }
      return app
    }
    const plain = build(create())
    const app = create()
    app.register(shardPlugin, { sharding: openShard(), ...HEADER })
    app.after(() => build(app))
    for (const path of ['/0', '/1', '/2']) {
      const [expected, actual] = [await plain.inject(path), await app.inject({ url: path, headers: ACME })]
      expect([path, actual.statusCode, actual.body]).toEqual([path, expected.statusCode, expected.body])
    }
  })
})
