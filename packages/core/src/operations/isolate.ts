import type { PoolRegistry } from '../pool/pool-registry.ts'
import type { Shard } from '../topology/topology.ts'

/** Keeps a shard out of service until it is released. */
export interface Isolation extends Disposable {
  /** Ends it. Once every isolation of the shard has ended, the shard serves again. Idempotent. */
  release(): void
}

/** Takes all servers of a shard out of service, by hand; also those that it gets by a reload meanwhile. */
export function isolate(shard: Shard, pools: PoolRegistry): Isolation {
  pools.all(shard)
  const releases: (() => void)[] = []
  const unwatch = pools.watch(({ endpoint, breaker }) => {
    if (endpoint.shard === shard.name) releases.push(breaker.isolate())
  })
  const release = () => {
    unwatch()
    for (const letGo of releases) letGo()
  }
  return { release, [Symbol.dispose]: release }
}
