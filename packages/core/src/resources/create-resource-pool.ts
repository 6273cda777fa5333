import { systemClock } from '../util/clock.ts'
import { systemDeadlines } from '../util/system-deadlines.ts'
import { PooledResources } from './pooled-resources.ts'
import type { ResourcePool } from './resource-pool.ts'
import type { ResourcePoolOptions } from './resource-pool-options.ts'

export const SYSTEM = { clock: systemClock, deadlines: systemDeadlines, random: Math.random }

/**
 * A pool of things that are dear to make, or that one at a time may use: producers, channels, clients. Makes none before
 * somebody needs one, and keeps no process alive by itself.
 *
 * @throws TypeError for options that make no sense
 */
export function createResourcePool<T, X = unknown>(options: ResourcePoolOptions<T, X>): ResourcePool<T, X> {
  return new PooledResources(options, SYSTEM)
}
