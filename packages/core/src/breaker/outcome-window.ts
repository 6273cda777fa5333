const SLOTS = 10

interface Slot {
  /** Which stretch of time it counts, in slots since the clock's start. */
  index: number
  failures: number
  total: number
}

/** Counts outcomes of the last `windowMs`, to a tenth of it, in constant space. */
export class OutcomeWindow {
  readonly #slotMs: number
  readonly #slots: Slot[] = Array.from({ length: SLOTS }, () => ({ index: -1, failures: 0, total: 0 }))

  constructor(windowMs: number) {
    this.#slotMs = windowMs / SLOTS
  }

  add(now: number, isSuccess: boolean): void {
    const index = Math.floor(now / this.#slotMs)
    const slot = this.#slots[index % SLOTS] as Slot
    if (slot.index !== index) Object.assign(slot, { index, failures: 0, total: 0 })
    slot.total++
    if (!isSuccess) slot.failures++
  }

  count(now: number): { readonly failures: number; readonly total: number } {
    const oldest = Math.floor(now / this.#slotMs) - SLOTS + 1
    let failures = 0
    let total = 0
    for (const slot of this.#slots) {
      if (slot.index < oldest) continue
      failures += slot.failures
      total += slot.total
    }
    return { failures, total }
  }
}
