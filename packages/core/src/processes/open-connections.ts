import type { LiveSharding } from '../live-sharding.ts'

/** What a Sharding has open. */
export interface OpenConnections {
  /** Its `id`: `sharding-1`. */
  readonly sharding: string
  /** By endpoint, such as `shard_0/replica-0`; those without connections are left out. */
  readonly endpoints: Readonly<Record<string, number>>
}

export function openConnectionsOf(sharding: LiveSharding): OpenConnections {
  const roles = Object.values(sharding.stats().shards).flatMap((shard) => Object.values(shard))
  // One that serves both roles is there twice, under its one name.
  const found = roles.flatMap(({ endpoints }) => Object.entries(endpoints))
  const open = found.flatMap(([id, { live }]) => (live > 0 ? [[id, live] as const] : []))
  return { sharding: sharding.id, endpoints: Object.fromEntries(open) }
}
