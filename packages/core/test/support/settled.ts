/** Settles when every promise that could settle by itself has. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
