import { Agent } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { HistoryWriter } from '../history/history-file.ts'
import type { AnswerRecord } from '../history/history-record.ts'
import { FRAMEWORKS } from '../plan/placement.ts'
import { plannedRequest } from '../plan/planned-request.ts'
import { serveCalls } from '../processes/serve-calls.ts'
import { quantile } from '../quantile.ts'
import type { LoadCalls, LoadMark, LoadResult, LoadStart } from './load-calls.ts'
import { sendRequest, type Target } from './send-request.ts'

// The process that sends the requests: so many at once, each when another has come to its end.

/** Between the first requests: the applications are cold. */
const RAMP_MS = 50

async function run(options: LoadStart): Promise<LoadResult> {
  const { seed, requests, concurrency, maxMs, ports, marks } = options
  const history = new HistoryWriter(options.history)
  const agent = new Agent({ keepAlive: true })
  const targets = Object.fromEntries(
    FRAMEWORKS.map((framework) => [framework, { agent, port: ports[framework] } satisfies Target]),
  ) as Record<(typeof FRAMEWORKS)[number], Target>
  const toTell = new Set(marks)
  const outcomes: Record<string, number> = {}
  const times: number[] = []
  const since = performance.now()
  let next = 0

  const count = ({ outcome, status, from, to }: AnswerRecord, expectedStatus: number) => {
    const key = String(status ?? outcome)
    outcomes[key] = (outcomes[key] ?? 0) + 1
    if (status === expectedStatus) times.push(to - from)
  }
  const sender = async (index: number) => {
    await wait(index * RAMP_MS)
    while (next < requests && performance.now() - since < maxMs) {
      const plan = plannedRequest(seed, next++)
      if (toTell.has(plan.id)) process.send?.({ started: plan.id } satisfies LoadMark)
      const answer = await sendRequest(plan, targets[plan.framework])
      history.add(answer)
      count(answer, plan.expectedStatus)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, (_, index) => sender(index)))
  agent.destroy()
  await history.close()
  times.sort((a, b) => a - b)
  return {
    requests: next,
    ms: performance.now() - since,
    outcomes,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
  }
}

serveCalls<LoadCalls>({ run })
