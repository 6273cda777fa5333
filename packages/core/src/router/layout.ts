import type { ResolvedConfig } from '../config/resolved-config.ts'
import { createTopology, type Topology } from '../topology/topology.ts'
import type { Clock } from '../util/clock.ts'
import { createRouter } from './create-router.ts'
import type { Router } from './router.ts'

/** One version of all that a configuration describes: which shards there are, and who lives where. */
export interface Layout {
  readonly config: ResolvedConfig
  readonly topology: Topology
  readonly router: Router
  /** Of those with tenants, in the order of the configuration. */
  readonly shardNames: readonly string[]
}

/** The layout that a configuration describes; after `previous`, it is the next version. Opens and asks nothing. */
export function createLayout(config: ResolvedConfig, clock: Clock, previous?: Layout): Layout {
  const version = (previous?.topology.version ?? 0) + 1
  const topology = createTopology(config, version, previous?.topology)
  const shardNames = Object.freeze([...config.shards.keys()])
  return Object.freeze({ config, topology, router: createRouter(config, clock), shardNames })
}
