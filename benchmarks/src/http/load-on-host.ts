import type { Load, LoadCalls } from '../load/load-calls.ts'
import type { Sample } from '../measure/result.ts'
import type { MeasuredProcess } from '../processes/measured-process.ts'
import type { HostCalls } from './host-calls.ts'

/** A server under test, and where it listens. */
export interface Host {
  readonly process: MeasuredProcess<HostCalls>
  readonly port: number
}

/** One run of requests against one server, and what its processor did meanwhile. */
export async function loadOnHost(
  load: MeasuredProcess<LoadCalls>,
  { process, port }: Host,
  what: Omit<Load, 'port'>,
): Promise<Sample> {
  const before = await process.call('settle')
  const { requests, seconds, p50Ms, p99Ms } = await load.call('run', { ...what, port })
  const spent = (await process.call('usage')) - before
  return { requestsPerSecond: requests / seconds, cpuUsPerRequest: spent / requests, p50Ms, p99Ms }
}
