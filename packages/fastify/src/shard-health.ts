import {
  type Check,
  healthCheck,
  livenessCheck,
  type ReadinessOptions,
  readinessCheck,
  type ShardHealthOptions,
} from '@sherd/core/adapter'
import type { RouteHandlerMethod } from 'fastify'
import { answer } from './answer.ts'

/**
 * `app.get('/health/shards', shardHealth())` answers with `sharding.health()`: 503 when it is unhealthy, else 200. Give
 * the route `config: { shard: { skip: true } }`, and put it where only those can reach it who may know the names of the
 * shards.
 *
 * @throws TypeError for options that make no sense
 */
export function shardHealth(options?: ShardHealthOptions): RouteHandlerMethod {
  return handlerOf(healthCheck(options))
}

/** 200 for as long as the process answers, whatever its databases do: for a liveness probe. */
export function shardLiveness(): RouteHandlerMethod {
  return handlerOf(livenessCheck())
}

/**
 * 503 once `shutdownOnSignals` or `sharding.close()` has begun, and while no shard at all can be served, else 200: for a
 * readiness probe.
 */
export function shardReadiness(options?: ReadinessOptions): RouteHandlerMethod {
  return handlerOf(readinessCheck(options))
}

function handlerOf(check: Check): RouteHandlerMethod {
  return async (_request, reply) => {
    answer(reply, await check())
    return reply
  }
}
