import type { Framework } from '../plan/placement.ts'

export interface LoadStart {
  readonly seed: number
  readonly requests: number
  /** Requests under way at once. */
  readonly concurrency: number
  /** No request begins later than this after the start, in milliseconds. */
  readonly maxMs: number
  readonly ports: Readonly<Record<Framework, number>>
  /** Numbers of the requests whose start is to be told. */
  readonly marks: readonly number[]
  /** File for what it observes. */
  readonly history: string
}

export interface LoadResult {
  /** Requests sent. */
  readonly requests: number
  readonly ms: number
  /** Answered in full, by status; `aborted`, `broken`, `silent` for the rest. */
  readonly outcomes: Readonly<Record<string, number>>
  /** Of those answered as planned, in milliseconds. */
  readonly p50Ms: number
  readonly p99Ms: number
}

/** What the load generator's process can be asked for. */
export interface LoadCalls {
  run(options: LoadStart): Promise<LoadResult>
}

/** What it tells while it runs. */
export interface LoadMark {
  readonly started: number
}
