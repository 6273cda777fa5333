import { setTimeout as delay } from 'node:timers/promises'
import { quantile } from '../measure/quantiles.ts'
import { serveCalls } from '../processes/serve-calls.ts'
import { Caller, type Exchange } from './caller.ts'
import { exchangesFor } from './exchanges-for.ts'
import type { LoadCalls } from './load-calls.ts'
import { Tally } from './tally.ts'

// Sends requests, in a process of its own.

/** Between two steps of requests that come at their own pace. */
const STEP_MS = 5
/** Between two requests of somebody who waits for the first success. */
const PAUSE_MS = 10
const SENDERS = 5

serveCalls<LoadCalls>({
  async run({ port, path, callers, ms }) {
    const exchanges = exchangesFor(path)
    const latencies: number[] = []
    const startedAt = performance.now()
    await atOnce(callers, async (number) => {
      const caller = new Caller(port)
      try {
        for (let turn = number; ; turn++) {
          const sentAt = performance.now()
          if (turn > number && sentAt - startedAt >= ms) return
          const problem = await caller.exchange(exchanges[turn % exchanges.length] as Exchange)
          if (problem !== undefined) throw new Error(`${path}: ${problem}`)
          latencies.push(performance.now() - sentAt)
        }
      } finally {
        caller.close()
      }
    })
    return {
      requests: latencies.length,
      seconds: (performance.now() - startedAt) / 1000,
      p50Ms: quantile(latencies, 0.5),
      p99Ms: quantile(latencies, 0.99),
    }
  },

  async outcomes({ port, path, patienceMs, callers, ms }) {
    const tally = new Tally(port, patienceMs, exchangesFor(path))
    const startedAt = performance.now()
    await atOnce(callers, async () => {
      while (performance.now() - startedAt < ms) await tally.ask()
    })
    return tally.outcomes((performance.now() - startedAt) / 1000)
  },

  async arrive({ port, path, patienceMs, perSecond, warmUpSeconds, seconds }) {
    const tally = new Tally(port, patienceMs, exchangesFor(path))
    const asked: Promise<unknown>[] = []
    const startedAt = performance.now()
    const elapsed = () => (performance.now() - startedAt) / 1000
    for (; elapsed() < warmUpSeconds + seconds; await delay(STEP_MS)) {
      while (asked.length < elapsed() * perSecond)
        asked.push(tally.ask({ isCounted: elapsed() >= warmUpSeconds }))
    }
    await Promise.all(asked)
    return tally.outcomes(seconds)
  },

  async firstSuccess({ port, path, patienceMs, giveUpMs }) {
    const tally = new Tally(port, patienceMs, exchangesFor(path))
    const startedAt = performance.now()
    let successAt = Number.POSITIVE_INFINITY
    await atOnce(SENDERS, async () => {
      while (successAt === Number.POSITIVE_INFINITY && performance.now() - startedAt < giveUpMs) {
        if (await tally.ask()) successAt = Math.min(successAt, performance.now())
        else await delay(PAUSE_MS)
      }
    })
    tally.outcomes(0)
    return Math.min(giveUpMs, successAt - startedAt)
  },
})

function atOnce(count: number, work: (number: number) => Promise<void>): Promise<unknown> {
  return Promise.all(Array.from({ length: count }, (_, number) => work(number)))
}
