import type { Load, LoadCalls } from '../load/load-calls.ts'
import type { Sample } from '../measure/result.ts'
import type { MeasuredProcess } from '../processes/measured-process.ts'
import type { HostCalls } from './host-calls.ts'

/** A server under test, and where it listens. */
export interface Host {
  readonly process: MeasuredProcess<HostCalls>
  readonly port: number
}

/** By then what is called for each request is compiled; on a slow machine the time is up before. */
const WARM = { requests: 30_000, ms: 10_000, stepMs: 500 }

/** Sends requests until a server is as fast as it will be. */
export async function warmUp(
  load: MeasuredProcess<LoadCalls>,
  { port }: Host,
  what: Pick<Load, 'path' | 'callers'>,
): Promise<void> {
  let sent = 0
  for (let ms = 0; ms < WARM.ms && sent < WARM.requests; ms += WARM.stepMs) {
    sent += (await load.call('run', { ...what, port, ms: WARM.stepMs })).requests
  }
}

/** One run of requests against one server, and what its processor did meanwhile. */
export async function loadOnHost(
  load: MeasuredProcess<LoadCalls>,
  { process, port }: Host,
  what: Omit<Load, 'port'>,
): Promise<Sample> {
  const before = await process.call('usage')
  const { requests, seconds, p50Ms, p99Ms } = await load.call('run', { ...what, port })
  const spent = (await process.call('usage')) - before
  return { requestsPerSecond: requests / seconds, cpuUsPerRequest: spent / requests, p50Ms, p99Ms }
}
