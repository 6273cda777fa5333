/**
 * For frameworks in which a route's promise is its answer: resolves as soon as `handle` has answered, while it may go
 * on, and rejects when it throws before.
 */
export function answered<T>(handle: (answer: (value: T) => void) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    Promise.resolve()
      .then(() => handle(resolve))
      .catch(reject)
  })
}
