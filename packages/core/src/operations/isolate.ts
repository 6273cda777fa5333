import type { PoolRegistry } from '../pool/pool-registry.ts'
import type { Shard } from '../topology/topology.ts'

/** Keeps a shard out of service until it is released. */
export interface Isolation extends Disposable {
  /** Ends it. Once every isolation of the shard has ended, the shard serves again. Idempotent. */
  release(): void
}

/** Takes all servers of a shard out of service, by hand. */
export function isolate(shard: Shard, pools: PoolRegistry): Isolation {
  const releases = pools.all(shard).map(({ breaker }) => breaker.isolate())
  const release = () => {
    for (const letGo of releases) letGo()
  }
  return { release, [Symbol.dispose]: release }
}
