import type { Sharding } from '@sherd/core'
import { type RequestShard, type RouteShardOptions, shardPlugin } from '@sherd/fastify'
import fastify from 'fastify'
import { describe, expectTypeOf, it } from 'vitest'

describe('the types', () => {
  it('put shard and sharding on requests and applications, by importing the package alone', () => {
    const app = fastify()
    expectTypeOf(app.sharding).toEqualTypeOf<Sharding>()
    app.get('/', async (request) => {
      expectTypeOf(request.shard).toEqualTypeOf<RequestShard | undefined>()
      // @ts-expect-error a request may run unscoped
      return request.shard.name
    })
  })

  it('know Fastify’s request in every function of the options', () => {
    fastify().register(shardPlugin)
    fastify().register(shardPlugin, {
      tenant: (request) => request.hostname,
      skip: (request) => request.is404,
      perRequest: (request) => (request.routeOptions.method === 'GET' ? { role: 'reading' } : undefined),
      closeSharding: true,
      readFromReplicas: { store: { lastWrite: (request) => request.body as number, wrote: () => {} } },
    })
  })

  it('refuse what the options refuse, of the plugin and of a route', () => {
    const app = fastify()
    // @ts-expect-error no such value
    app.register(shardPlugin, { checkout: 'later' })
    app.get('/', { config: { shard: { skip: true, role: 'reading' } } }, () => {})
    // @ts-expect-error a route's paths are its own
    app.get('/', { config: { shard: { skip: ['/health'] } } }, () => {})
    expectTypeOf<RouteShardOptions>().not.toHaveProperty('sharding')
  })
})
