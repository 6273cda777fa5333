/** Something that goes wrong until it is healed. */
export interface Fault extends Disposable {
  /** Ends it. A second time does nothing. */
  heal(): void
}

export function fault(end: () => void): Fault {
  let isOver = false
  const heal = () => {
    if (isOver) return
    isOver = true
    end()
  }
  return { heal, [Symbol.dispose]: heal }
}
