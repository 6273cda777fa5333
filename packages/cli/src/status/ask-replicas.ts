import type { HealthWarningCode, Sharding } from '@sherd/core'
import type { Deadline } from './deadline.ts'
import type { Replicas } from './shard-status.ts'

/** What says that nobody is served there. */
const FAULTS: readonly HealthWarningCode[] = [
  'BREAKER_OPEN',
  'BREAKER_HALF_OPEN',
  'PROBE_FAILED',
  'CONNECT_FAILED',
  'IDENTITY_MISMATCH',
]

/** How the replicas are, by shard; of shards that have none, nothing. */
export async function askReplicas(
  sharding: Sharding,
  { leftMs }: Deadline,
): Promise<Readonly<Record<string, Replicas>>> {
  const all = Object.entries(sharding.stats().shards).map(([shard, { reading }]) => {
    const replicas = Object.entries(reading.endpoints).filter(([, { kind }]) => kind === 'replica')
    return [shard, replicas.map(([name]) => name)] as const
  })
  const replicated = all.filter(([, names]) => names.length > 0)
  if (replicated.length === 0) return {}
  const { shards } = await sharding.health({ probe: { timeoutMs: leftMs } })
  return Object.fromEntries(
    replicated.map(([shard, names]) => {
      const faulty = shards[shard]?.warnings.filter(({ code }) => FAULTS.includes(code)) ?? []
      const unreachable = names.filter((name) => faulty.some(({ endpoint }) => endpoint === name))
      return [shard, { total: names.length, unreachable }]
    }),
  )
}
