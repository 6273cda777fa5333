/** What has become of a promise so far. */
export class Outcome<T = unknown> {
  state: 'pending' | 'fulfilled' | 'rejected' = 'pending'
  value: T | undefined
  error: (Error & { code?: string; shard?: string }) | undefined

  constructor(promise: Promise<T>) {
    promise.then(
      (value) => {
        this.state = 'fulfilled'
        this.value = value
      },
      (error) => {
        this.state = 'rejected'
        this.error = error
      },
    )
  }
}

export function states(outcomes: readonly Outcome[]): Outcome['state'][] {
  return outcomes.map(({ state }) => state)
}
