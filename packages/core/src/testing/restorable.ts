/** What a test has changed, until it is changed back: by hand, or at the end of a block by `using`. */
export interface Restorable extends Disposable {
  /** Changes it back; again has no effect. */
  restore(): void
}

export function restorable(undo: () => void): Restorable {
  let isRestored = false
  const restore = () => {
    if (isRestored) return
    isRestored = true
    undo()
  }
  return { restore, [Symbol.dispose]: restore }
}
