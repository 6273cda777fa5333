/** Where everything is: the same for every run, so that a seed alone says what happens. */
export const SHARDS = 8
export const SERVERS = 2
export const TENANTS = 1000
/** Rows that every tenant has from the start, to be read. */
export const ITEMS_PER_TENANT = 20

export const FRAMEWORKS = ['express', 'fastify'] as const
export type Framework = (typeof FRAMEWORKS)[number]

export const shardNames: readonly string[] = Array.from({ length: SHARDS }, (_, index) => shardName(index))

export function shardName(index: number): string {
  return `shard_${index}`
}

/** The first half of the shards is on the first server. */
export function serverOf(shard: number): number {
  return Math.floor((shard * SERVERS) / SHARDS)
}

export function shardsOf(server: number): number[] {
  return Array.from({ length: SHARDS }, (_, shard) => shard).filter((shard) => serverOf(shard) === server)
}

export function tenantName(index: number): string {
  return `t${index}`
}

export function shardOfTenant(index: number): number {
  return index % SHARDS
}

export function tenantsOf(shard: number): string[] {
  return Array.from({ length: TENANTS }, (_, index) => index)
    .filter((index) => shardOfTenant(index) === shard)
    .map(tenantName)
}
