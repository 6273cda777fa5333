import { slope } from './slope.ts'

/** Fewer samples, or fewer requests, say nothing: code is still being compiled, caches fill. */
const SAMPLES = 10
const REQUESTS = 20_000

/** Bytes a request, once the process has warmed up; undefined with too few samples. */
export function heapGrowth(points: readonly (readonly [number, number])[]): number | undefined {
  const warm = points.slice(Math.floor(points.length / 4))
  const requests = (warm.at(-1)?.[0] ?? 0) - (warm[0]?.[0] ?? 0)
  return warm.length < SAMPLES || requests < REQUESTS ? undefined : slope(warm)
}
