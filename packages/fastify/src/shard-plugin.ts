import type { Sharding } from '@sherd/core'
import {
  checkOutNodeRequest,
  enterNodeRequest,
  forgetDefaultSharding,
  prepareRequests,
  type RequestShard,
  shardOf,
} from '@sherd/core/adapter'
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { answerErrorsOf, FastifyHost } from './answer.ts'
import { optionsOfRoutes, type RouteShardOptions, type ShardPluginOptions } from './options.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Where this request is connected; undefined when it runs unscoped. */
    readonly shard: RequestShard | undefined
  }
  interface FastifyInstance {
    readonly sharding: Sharding
  }
  interface FastifyContextConfig {
    /** What this route wants otherwise than `shardPlugin` was told. */
    shard?: RouteShardOptions
  }
}

const plugin: FastifyPluginAsync<ShardPluginOptions> = async (fastify, { closeSharding, ...given }) => {
  const { sharding, isNewDefault } = prepareRequests<FastifyRequest>(given)
  const optionsOf = optionsOfRoutes({ ...given, sharding })
  decorate(fastify, sharding)

  fastify.addHook('onRoute', (route) => {
    prepareRequests(optionsOf(route.config?.shard))
    answerErrorsOf(route)
  })
  // Hooks with callbacks: from an async one no scope reaches those behind it.
  fastify.addHook('onRequest', (request, reply, next) => {
    enterNodeRequest(
      new FastifyHost(request, reply),
      optionsOf(request.routeOptions.config.shard),
      next as Next,
    )
  })
  // By now the body has been read and checked.
  fastify.addHook('preHandler', (request, _reply, next) => {
    checkOutNodeRequest(request.raw, next as Next)
  })
  // Fastify calls it behind the last answer.
  fastify.addHook('onClose', async () => {
    if (!(closeSharding ?? isNewDefault)) return
    if (isNewDefault) forgetDefaultSharding(sharding)
    await sharding.close()
  })
}

type Next = (error?: unknown) => void

/** It may be there already, from a plugin around or from this one, registered twice. */
function decorate(fastify: FastifyInstance, sharding: Sharding): void {
  if (!fastify.hasRequestDecorator('shard')) {
    fastify.decorateRequest('shard', {
      getter(this: FastifyRequest) {
        return shardOf(this.raw)
      },
    })
  }
  if (!Object.hasOwn(fastify, 'sharding')) fastify.decorate('sharding', sharding)
}

/**
 * Takes each request to its tenant's shard, on one connection, and answers 400, 404 or 503 when that cannot be. The
 * connection is taken once the body has been read and validated. Serves the routes of the context that it is
 * registered in and those below it. Register it behind authentication, for a tenant id in a request identifies and
 * does not authorise.
 *
 * @throws ConfigInvalidError and TypeError, when the configuration or an option cannot be used
 */
export const shardPlugin: FastifyPluginAsync<ShardPluginOptions> = fp(plugin, {
  fastify: '5.x',
  name: '@sherd/fastify',
})
