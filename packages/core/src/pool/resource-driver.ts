/**
 * What {@link ShardPool} needs to know of the things it pools. The pool never looks inside a resource.
 *
 * The pool calls each method from at most one place at a time for any one resource, and never again after `close`.
 */
export interface ResourceDriver<R> {
  /**
   * Opens a resource. When `signal` aborts, the attempt is worthless: whatever it holds must be let go at once,
   * and the promise may settle or not. `onLost` is to be called once when the resource dies by itself.
   */
  open(signal: AbortSignal, onLost: (resource: R) => void): Promise<R>
  /** Whether the resource can still be used, from what is known without asking anybody. */
  isUsable(resource: R): boolean
  /**
   * Brings a used resource back to the state it had when it was opened. Undefined when there was nothing to do;
   * a rejection when that did not succeed in time, and then the pool closes the resource.
   */
  reset(resource: R): Promise<void> | undefined
  /** The resource is idle from now on: it must not keep the process alive. */
  rest?(resource: R): void
  /** The resource is no longer idle. */
  wake?(resource: R): void
  /**
   * Settles when the resource has answered, rejects when it will not; the pool waits for a bounded time. Without this
   * method resources cannot be cut off, and are never asked.
   */
  ping?(resource: R): Promise<void>
  /**
   * Lets go of the resource; settles, always without an error and within a bound, when nothing of it is left. One that
   * `isDead` has not answered and would not notice a farewell.
   */
  close(resource: R, isDead: boolean): Promise<void>
}
