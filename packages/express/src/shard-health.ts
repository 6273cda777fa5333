import {
  type Check,
  healthCheck,
  livenessCheck,
  type ReadinessOptions,
  readinessCheck,
  type ShardHealthOptions,
  sendAnswer,
} from '@sherd/core/adapter'
import type { RequestHandler } from 'express'

/**
 * `app.get('/health/shards', shardHealth())` answers with `sharding.health()`: 503 when it is unhealthy, else 200. Mount
 * it before `shardMiddleware`, and where only those can reach it who may know the names of the shards.
 *
 * @throws TypeError for options that make no sense
 */
export function shardHealth(options?: ShardHealthOptions): RequestHandler {
  return handlerOf(healthCheck(options))
}

/** 200 for as long as the process answers, whatever its databases do: for a liveness probe. */
export function shardLiveness(): RequestHandler {
  return handlerOf(livenessCheck())
}

/**
 * 503 once `shutdownOnSignals` or `sharding.close()` has begun, and while no shard at all can be served, else 200: for a
 * readiness probe.
 */
export function shardReadiness(options?: ReadinessOptions): RequestHandler {
  return handlerOf(readinessCheck(options))
}

function handlerOf(check: Check): RequestHandler {
  return (_req, res, next) => {
    check().then((answer) => sendAnswer(res, answer), next)
  }
}
