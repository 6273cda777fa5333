import type { RouterObject, ShardObject } from '../../src/config/config-object.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { createRouter } from '../../src/router/create-router.ts'
import type { Router } from '../../src/router/router.ts'

/** A clock that stands still until it is told otherwise. */
export class StoppedClock {
  #now = 0

  now(): number {
    return this.#now
  }

  advance(ms: number): void {
    this.#now += ms
  }
}

/** The router of a configuration, whose shards need only say what concerns routing. */
export function routerOf(
  router: RouterObject,
  shards: Record<string, ShardObject>,
  clock = new StoppedClock(),
): Router {
  const connected = Object.entries(shards).map(([name, shard]) => [
    name,
    { connection: 'postgres://h/d', ...shard },
  ])
  return createRouter(
    loadConfig({ router, defaults: { client: 'pg' }, shards: Object.fromEntries(connected) }, {}),
    clock,
  )
}

/** The routes of some tenants; undefined for an unknown one. Only for strategies that answer at once. */
export function routesOf(router: Router, tenants: readonly string[]): (string | undefined)[] {
  return tenants.map((tenant) => {
    try {
      const shard = router.route(tenant)
      if (typeof shard !== 'string') throw new Error('The route is a promise')
      return shard
    } catch (error) {
      if (error instanceof Error && error.name === 'TenantUnknownError') return undefined
      throw error
    }
  })
}
