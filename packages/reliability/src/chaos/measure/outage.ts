import { Agent } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { sendRequest } from '../load/send-request.ts'
import { now } from '../now.ts'
import type { Framework } from '../plan/placement.ts'
import { plannedReads } from '../plan/planned-reads.ts'
import type { PlannedRequest } from '../plan/planned-request.ts'
import { quantile } from '../quantile.ts'

export interface OutageOptions {
  readonly seed: number
  /** Number of the first request; those that suit are used. */
  readonly fromRequest: number
  readonly shard: string
  readonly ports: Readonly<Record<Framework, number>>
  /** Begins the outage. @returns what heals it */
  readonly begin: () => Promise<() => void | Promise<void>>
  readonly forMs: number
}

/** How an outage of one shard looks to its clients. */
export interface Outage {
  /** Failed requests, from one second after the beginning to the end. */
  readonly refusals: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** From healing to the first request that was served; undefined if that took longer than {@link PATIENCE_MS}. */
  readonly firstSuccessMs: number | undefined
}

const SENDERS = 40
/** Between two requests of a sender. */
const PAUSE_MS = 100
/** By then circuits are open. */
const SETTLE_MS = 1000
const PATIENCE_MS = 40_000

/** Has clients ask one shard for reads, before, during and after its outage. */
export async function measureOutage(options: OutageOptions): Promise<Outage> {
  const agent = new Agent({ keepAlive: true })
  const plans = plannedReads(options.seed, { from: options.fromRequest, shard: options.shard })
  const refusals: number[] = []
  let settledAt = Number.POSITIVE_INFINITY
  let healedAt = Number.POSITIVE_INFINITY
  let firstSuccessAt: number | undefined
  let isOver = false

  const sender = async () => {
    while (!isOver) {
      const plan = plans.next().value as PlannedRequest
      const { from, to, status } = await sendRequest(plan, { agent, port: options.ports[plan.framework] })
      if (status !== 200 && from >= settledAt && to <= healedAt) refusals.push(to - from)
      if (status === 200 && to >= healedAt) {
        firstSuccessAt ??= to
        isOver = true
      }
      await wait(PAUSE_MS)
    }
  }
  const senders = Promise.all(Array.from({ length: SENDERS }, sender))
  const heal = await options.begin()
  settledAt = now() + SETTLE_MS
  await wait(options.forMs)
  await heal()
  healedAt = now()
  const timer = setTimeout(() => {
    isOver = true
  }, PATIENCE_MS)
  await senders
  clearTimeout(timer)
  agent.destroy()
  refusals.sort((a, b) => a - b)
  return {
    refusals: refusals.length,
    p50Ms: quantile(refusals, 0.5),
    p99Ms: quantile(refusals, 0.99),
    firstSuccessMs: firstSuccessAt === undefined ? undefined : firstSuccessAt - healedAt,
  }
}
