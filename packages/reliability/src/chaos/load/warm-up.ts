import { Agent } from 'node:http'
import { type Framework, shardNames } from '../plan/placement.ts'
import { plannedReads } from '../plan/planned-reads.ts'
import { sendRequest } from './send-request.ts'

/** Of each shard, at once. */
const REQUESTS = 8
const ATTEMPTS = 20

/**
 * Has cold applications compile their code and open connections, until a round of requests to each shard has been
 * served: what a starved machine does in its first second says nothing about faults.
 */
export async function warmUp(
  seed: number,
  { from, ports }: { from: number; ports: Readonly<Record<Framework, number>> },
): Promise<void> {
  const agent = new Agent({ keepAlive: true })
  for (const shard of shardNames) {
    const plans = plannedReads(seed, { from, shard })
    const round = async () => {
      const sent = Array.from({ length: REQUESTS }, () => {
        const plan = plans.next().value
        return sendRequest(plan, { agent, port: ports[plan.framework] })
      })
      return (await Promise.all(sent)).every(({ status }) => status === 200)
    }
    let attempts = 1
    while (!(await round())) {
      if (++attempts > ATTEMPTS) throw new Error(`${shard} does not serve requests, without any fault`)
    }
  }
  agent.destroy()
}
