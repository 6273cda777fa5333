import { AsyncLocalStorage } from 'node:async_hooks'
import { type ConfigObject, createSharding, type Sharding } from '@sherd/core'
import { partsOf } from '../../../packages/core/src/sharding.ts'
import { cutPostgresOff } from '../http/no-io-postgres.ts'
import { serveCalls } from '../processes/serve-calls.ts'
import type { ScaleCalls } from './scale-calls.ts'
import { timed } from './timed.ts'

// A process with many tenants or many shards.

const NOWHERE = 'postgres://nobody:nothing@127.0.0.1:1/nowhere'
/** Ids that are looked up, in an order that no cache can foresee. */
const ASKED = 100_000
const AWAITS = 1000
const TENANT_SHARDS = 10

/** Kept alive, so that it is there when memory is measured. */
const held: unknown[] = []
let asked: string[] = []
let shardOf: (tenant: string) => string = () => ''
let scoped: Sharding | undefined

serveCalls<ScaleCalls>({
  async start(from) {
    const config = 'folder' in from ? from.folder : shardsOf(from.shards)
    held.push(config)
    const heapBefore = usedHeap()
    const timersBefore = timers()
    const startedAt = performance.now()
    const sharding = createSharding({ config })
    const startMs = performance.now() - startedAt
    held.push(sharding)
    return { startMs, heapBytes: usedHeap() - heapBefore, timers: timers() - timersBefore }
  },

  async hold({ tenants, by }) {
    const ids = Array.from({ length: tenants }, (_, index) => `tenant-${index}`)
    held.push(ids)
    const heapBefore = usedHeap()
    if (by === 'Map') {
      const map = new Map(ids.map((id, index) => [id, shardName(index % TENANT_SHARDS)]))
      shardOf = (tenant) => map.get(tenant) as string
    } else {
      const { router } = partsOf(createSharding({ config: tenantsOf(ids) }))
      shardOf = (tenant) => router.route(tenant) as string
    }
    const bytes = (usedHeap() - heapBefore) / tenants
    asked = Array.from({ length: ASKED }, (_, index) => `tenant-${scattered(index) % tenants}`)
    return bytes
  },

  lookUp: ({ ms }) =>
    timed(ms, ASKED, () => {
      let letters = 0
      for (const tenant of asked) letters += shardOf(tenant).length
      // So that no compiler leaves it out.
      if (letters === 0) throw new Error('no shard has a name')
    }),

  nest({ depth, by, ms }) {
    const storage = new AsyncLocalStorage<object>()
    const { connectedTo } = sharding()
    const target = { shard: shardName(0), checkout: 'lazy' } as const
    const nested = async (left: number): Promise<void> => {
      if (left === 0) return
      if (by === 'run') await storage.run({ left }, () => nested(left - 1))
      else await connectedTo(target, () => nested(left - 1))
    }
    return timed(ms, depth, () => nested(depth))
  },

  await({ inside, ms }) {
    const storage = new AsyncLocalStorage<object>()
    const awaits = async () => {
      for (let left = AWAITS; left > 0; left--) await undefined
    }
    if (inside === 'nothing') return timed(ms, AWAITS, awaits)
    if (inside === 'run') return timed(ms, AWAITS, () => storage.run({}, awaits))
    const { connectedTo } = sharding()
    return timed(ms, AWAITS, () => connectedTo({ shard: shardName(0), checkout: 'lazy' }, awaits))
  },
})

/** Knuth's multiplicative hash (The Art of Computer Programming 3, 6.4), and its upper half once more in the lower. */
function scattered(index: number): number {
  const hash = Math.imul(index + 1, 2654435761) >>> 0
  return (hash ^ (hash >>> 15)) >>> 0
}

function sharding(): Sharding {
  if (scoped === undefined) {
    cutPostgresOff()
    scoped = createSharding({ config: shardsOf(1) })
  }
  return scoped
}

function shardName(index: number): string {
  return `shard_${index}`
}

function shardsOf(count: number): ConfigObject {
  const shard = (index: number) =>
    [shardName(index), { connection: NOWHERE, tenants: [`tenant-${index}`] }] as const
  return {
    defaults: { client: 'pg' },
    shards: Object.fromEntries(Array.from({ length: count }, (_, index) => shard(index))),
  }
}

function tenantsOf(ids: readonly string[]): ConfigObject {
  const shard = (number: number) =>
    [
      shardName(number),
      {
        connection: `${NOWHERE}${number}`,
        tenants: ids.filter((_, index) => index % TENANT_SHARDS === number),
      },
    ] as const
  return {
    defaults: { client: 'pg' },
    shards: Object.fromEntries(Array.from({ length: TENANT_SHARDS }, (_, number) => shard(number))),
  }
}

function usedHeap(): number {
  gc?.()
  return process.memoryUsage().heapUsed
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
}
