/** Where every part of Sherd reads the time from, so that tests can hold it in their hands. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never goes backwards. */
  now(): number
}

/** The process's monotonic clock: setting the wall clock does not move it. */
export const systemClock: Clock = { now: () => performance.now() }
