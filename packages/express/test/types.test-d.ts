import type { Sharding } from '@sherd/core'
import { type RequestShard, shardErrorHandler, shardMiddleware } from '@sherd/express'
import express, { type ErrorRequestHandler, type Request, type RequestHandler } from 'express'
import { describe, expectTypeOf, it } from 'vitest'

describe('the types', () => {
  it('put the shard on every request of Express, by importing the package alone', () => {
    const app = express()
    app.get('/', (req, res) => {
      expectTypeOf(req.shard).toEqualTypeOf<RequestShard | undefined>()
      res.json(req.shard?.name)
      // @ts-expect-error a request may run unscoped
      res.json(req.shard.name)
    })
    expectTypeOf<NonNullable<Request['shard']>['tenant']>().toEqualTypeOf<string | undefined>()
    expectTypeOf<NonNullable<Request['shard']>['sharding']>().toEqualTypeOf<Sharding>()
    expectTypeOf<NonNullable<Request['shard']>['signal']>().toEqualTypeOf<AbortSignal>()
  })

  it('make handlers that Express takes', () => {
    expectTypeOf(shardMiddleware()).toEqualTypeOf<RequestHandler>()
    expectTypeOf(shardErrorHandler({ exposeShard: false })).toEqualTypeOf<ErrorRequestHandler>()
    express().use(shardMiddleware(), shardErrorHandler())
  })

  it('know Express’s request in every function of the options', () => {
    shardMiddleware({
      tenant: (req) => req.get('x-tenant-id'),
      skip: (req) => req.path === '/health',
      perRequest: (req) => (req.xhr ? { role: 'reading' } : undefined),
    })
    shardMiddleware({ tenant: [{ header: 'x-tenant-id' }, async (req) => req.cookies.tenant as string] })
  })

  it('know Express’s request in a store of stamps, and refuse what reading from replicas refuses', () => {
    shardMiddleware({ readFromReplicas: true })
    shardMiddleware({
      readFromReplicas: {
        windowMs: 5000,
        store: {
          lastWrite: async (req, shard) => (req.get('x-user') === shard ? 1 : undefined),
          wrote: (req, shard, at, keepMs) => expectTypeOf([req.ip, shard, at, keepMs]).not.toBeAny(),
        },
      },
    })
    // @ts-expect-error no such option
    shardMiddleware({ readFromReplicas: { window: 5000 } })
    // @ts-expect-error no such value
    shardMiddleware({ readFromReplicas: { cookie: { sameSite: 'lax' } } })
    // @ts-expect-error half a store
    shardMiddleware({ readFromReplicas: { store: { lastWrite: () => undefined } } })
  })

  it('refuse what the options refuse', () => {
    // @ts-expect-error no such option
    shardMiddleware({ chekout: 'lazy' })
    // @ts-expect-error no such value
    shardMiddleware({ checkout: 'later' })
    // @ts-expect-error not a source
    shardMiddleware({ tenant: 'x-tenant-id' })
    // @ts-expect-error a Sharding belongs to all requests
    shardMiddleware({ perRequest: () => ({ sharding: {} as Sharding }) })
    // @ts-expect-error a promise would skip every request
    shardMiddleware({ skip: async () => false })
  })
})
