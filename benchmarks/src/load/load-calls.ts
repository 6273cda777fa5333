/** Callers who each send the next request as soon as they have the answer to the last. */
export interface Load {
  readonly port: number
  /** As `/read/3`. */
  readonly path: string
  readonly callers: number
  readonly ms: number
}

export interface LoadResult {
  readonly requests: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** What the process that sends requests can be asked. Rejects if one answer is wrong. */
export interface LoadCalls {
  run(load: Load): Promise<LoadResult>
}
