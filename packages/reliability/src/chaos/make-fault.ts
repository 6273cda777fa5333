import { setTimeout as wait } from 'node:timers/promises'
import type { Fleet } from './fleet.ts'
import type { FaultRecord } from './history/history-record.ts'
import { now } from './now.ts'
import { type Fault, shardsHitBy } from './plan/planned-faults.ts'
import { withClient } from './schema.ts'

/** Makes a fault and heals it. */
export async function makeFault(fleet: Fleet, fault: Fault): Promise<FaultRecord> {
  const from = now()
  await make(fleet, fault)
  return { t: 'fault', fault, shards: shardsHitBy(fault), from, to: now() }
}

async function make(fleet: Fleet, fault: Fault): Promise<void> {
  if (fault.kind === 'restart') {
    await fleet.servers[fault.server]?.restart({ mode: fault.mode })
    return
  }
  const { proxy, url } = fleet.shards[fault.shard] as Fleet['shards'][number]
  switch (fault.kind) {
    case 'reset':
      proxy.reset()
      return
    case 'kill':
      await killBackends(url, fault.backends)
      return
    case 'black hole': {
      const hole = proxy.blackHole()
      await wait(fault.forMs)
      hole.heal()
      return
    }
    case 'refuse': {
      const refusal = await proxy.refuse()
      proxy.reset()
      await wait(fault.forMs)
      await refusal.heal()
      return
    }
    case 'latency': {
      const late = proxy.shape({ toServerMs: fault.latencyMs / 2, toClientMs: fault.latencyMs / 2 })
      await wait(fault.forMs)
      late.heal()
    }
  }
}

/** Of a database, those that have been connected the longest first; not the one that asks. */
async function killBackends(url: string, count: number): Promise<void> {
  await withClient(url, (client) =>
    client.query(
      `SELECT pg_terminate_backend(pid) FROM (
         SELECT pid FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
         ORDER BY backend_start LIMIT $1) AS oldest`,
      [count],
    ),
  )
}
