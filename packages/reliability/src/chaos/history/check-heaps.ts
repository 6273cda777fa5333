import type { Check, CheckOptions } from './check.ts'
import { heapGrowth } from './heap-growth.ts'

/** What the smallest object that a request could leave behind takes is more. */
const BYTES_PER_REQUEST = 16

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
