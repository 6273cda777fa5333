interface Asked {
  readonly port: number
  /** As `/read/3`. */
  readonly path: string
}

/** Callers who each send the next request as soon as they have the answer to the last. */
export interface Load extends Asked {
  readonly callers: number
  readonly ms: number
}

export interface LoadResult {
  readonly requests: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Clients who go when they have waited so long. */
export interface Patience {
  readonly patienceMs: number
}

/** How many requests were answered as expected, how many with something else or not in time, and after which time. */
export interface Outcomes {
  readonly seconds: number
  readonly served: number
  readonly failed: number
  readonly servedP50Ms: number
  readonly failedP50Ms: number
  readonly failedP99Ms: number
}

/** Requests that come at their own pace, whether those before them are answered or not. */
export interface Arrivals extends Asked, Patience {
  readonly perSecond: number
  /** Before them, at the same pace; what comes then is not counted. */
  readonly warmUpSeconds: number
  readonly seconds: number
}

/** What the process that sends requests can be asked. */
export interface LoadCalls {
  /** Rejects if one answer is not as expected. */
  run(load: Load): Promise<LoadResult>
  /** The same where requests may fail. */
  outcomes(load: Load & Patience): Promise<Outcomes>
  arrive(arrivals: Arrivals): Promise<Outcomes>
  /** @returns milliseconds until a request is answered as expected; `giveUpMs` if none is by then */
  firstSuccess(asked: Asked & Patience & { readonly giveUpMs: number }): Promise<number>
}
