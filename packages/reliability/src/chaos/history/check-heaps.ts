import type { Check, CheckOptions } from './check.ts'
import { slope } from './slope.ts'

/** What the smallest object that a request could leave behind takes is more. */
const BYTES_PER_REQUEST = 16
/** Fewer samples, or fewer requests, say nothing: code is still being compiled, caches fill. */
const SAMPLES = 10
const REQUESTS = 20_000

/** Nothing grows with the number of requests. */
export function checkHeaps({ findings }: Pick<CheckOptions, 'findings'>): Check {
  const samples = new Map<string, [number, number][]>()
  return {
    add(record) {
      if (record.t !== 'heap') return
      const known = samples.get(record.process) ?? []
      samples.set(record.process, [...known, [record.requests, record.bytes]])
    },
    finish() {
      for (const [process, points] of samples) {
        const growth = heapGrowth(points)
        if (growth !== undefined && growth > BYTES_PER_REQUEST)
          findings.add('growingHeaps', `${process}: ${growth.toFixed(1)} bytes a request`)
      }
    },
  }
}

/** Bytes a request, once the process has warmed up; undefined with too few samples. */
export function heapGrowth(points: readonly (readonly [number, number])[]): number | undefined {
  const warm = points.slice(Math.floor(points.length / 4))
  const requests = (warm.at(-1)?.[0] ?? 0) - (warm[0]?.[0] ?? 0)
  return warm.length < SAMPLES || requests < REQUESTS ? undefined : slope(warm)
}
