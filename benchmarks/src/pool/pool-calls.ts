import type { PoolName } from './pool-under-test.ts'

/** Callers that take and give back, or waiters that leave before they are served. */
export type Work = { readonly callers: number } | { readonly waiters: number }

/** What a process with a pool can be asked. */
export interface PoolCalls {
  /** `others` pools are open beside the one that is measured, each with an idle connection. */
  open(options: { readonly name: PoolName; readonly max: number; readonly others: number }): Promise<void>
  measure(options: { readonly work: Work; readonly ms: number }): Promise<{
    readonly cyclesPerSecond: number
    readonly cpuNsPerCycle: number
  }>
  allocation(options: { readonly callers: number }): Promise<{ readonly bytesPerCycle: number }>
}
