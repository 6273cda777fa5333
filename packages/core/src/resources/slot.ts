/** A resource, and its place in a pool. */
export class Slot<T> {
  readonly index: number
  readonly resource: T
  /** It has died by itself, or a transaction could not be undone on it: nobody may use it again. */
  isBroken = false
  /** Something has failed on it: it is to be asked before it is used again. */
  isSuspect = false
  /** Somebody has it. */
  isHeld = false

  constructor(index: number, resource: T) {
    this.index = index
    this.resource = resource
  }
}
