import { TENANTS } from '../http/dataset.ts'
import { quantile } from '../measure/quantiles.ts'
import { serveCalls } from '../processes/serve-calls.ts'
import { Caller, type Exchange } from './caller.ts'
import { expectedAnswer } from './expected-answer.ts'
import type { LoadCalls } from './load-calls.ts'

// Sends requests, in a process of its own.

const FIRSTS = 8

serveCalls<LoadCalls>({
  async run({ port, path, callers, ms }) {
    const exchanges = exchangesFor(path)
    const latencies: number[] = []
    const startedAt = performance.now()
    const call = async (number: number) => {
      const caller = new Caller(port)
      try {
        for (let turn = number; ; turn++) {
          const sentAt = performance.now()
          if (sentAt - startedAt >= ms) return
          await caller.exchange(exchanges[turn % exchanges.length] as Exchange)
          latencies.push(performance.now() - sentAt)
        }
      } finally {
        caller.close()
      }
    }
    await Promise.all(Array.from({ length: callers }, (_, number) => call(number)))
    const seconds = (performance.now() - startedAt) / 1000
    return {
      requests: latencies.length,
      seconds,
      p50Ms: quantile(latencies, 0.5),
      p99Ms: quantile(latencies, 0.99),
    }
  },
})

/** Every tenant with several rows, in an order in which neighbours differ. */
function exchangesFor(path: string): Exchange[] {
  return Array.from({ length: FIRSTS }, (_, first) => first).flatMap((first) =>
    TENANTS.map((tenant) => ({
      request: Buffer.from(
        `GET ${path}?first=${first} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Tenant-Id: ${tenant}\r\n\r\n`,
      ),
      answer: Buffer.from(expectedAnswer(path, tenant, first)),
    })),
  )
}
