/** Something that can be closed by several at once, and is open again when all have opened it. */
export class Gate {
  #closers = 0
  #opened: (() => void) | undefined
  #whenOpen: Promise<void> | undefined

  /** Undefined while it is open. */
  get whenOpen(): Promise<void> | undefined {
    return this.#whenOpen
  }

  /** @returns what undoes this, once */
  close(): () => void {
    this.#closers++
    this.#whenOpen ??= new Promise((resolve) => {
      this.#opened = resolve
    })
    let isClosed = true
    return () => {
      if (!isClosed) return
      isClosed = false
      if (--this.#closers > 0) return
      this.#whenOpen = undefined
      this.#opened?.()
    }
  }
}
