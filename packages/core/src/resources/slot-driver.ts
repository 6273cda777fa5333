import type { ResourceDriver } from '../pool/resource-driver.ts'
import { runInRootContext } from '../util/root-context.ts'
import { inTime, type Timing } from './in-time.ts'
import type { ResolvedOptions } from './resource-pool-options.ts'
import { Slot } from './slot.ts'
import type { SlotIndexes } from './slot-indexes.ts'

export interface SlotDriverOptions<T> extends Timing {
  readonly hooks: ResolvedOptions<T, never>
  readonly indexes: SlotIndexes
  /** Whether resources are to be destroyed without finishing what they have begun. */
  readonly isForced: () => boolean
}

/** What the pool has to know of a user's resources: his hooks, bounded, and the numbers of their places. */
export class SlotDriver<T> implements ResourceDriver<Slot<T>> {
  readonly #options: SlotDriverOptions<T>
  readonly ping?: (slot: Slot<T>) => Promise<void>

  constructor(options: SlotDriverOptions<T>) {
    this.#options = options
    if (options.hooks.validate !== undefined) this.ping = (slot) => this.#validate(slot)
  }

  async open(signal: AbortSignal, onLost: (slot: Slot<T>) => void): Promise<Slot<T>> {
    const { hooks, indexes } = this.#options
    const index = await indexes.take(hooks.size, signal)
    let slot: Slot<T> | undefined
    let isLost = false
    const lost = () => {
      if (isLost) return
      isLost = true
      if (slot === undefined) return
      slot.isBroken = true
      onLost(slot)
    }
    try {
      slot = new Slot(index, await hooks.create(index, { signal, lost }))
      slot.isBroken = isLost
      return slot
    } catch (error) {
      indexes.giveBack(index)
      throw error
    }
  }

  isUsable(slot: Slot<T>): boolean {
    return !slot.isBroken
  }

  /** An error says little about the resource: it is asked, where it can be. */
  reset(slot: Slot<T>): Promise<void> | undefined {
    if (!slot.isSuspect) return undefined
    slot.isSuspect = false
    if (this.ping === undefined) return undefined
    const { validateTimeoutMs: ms } = this.#options.hooks
    return inTime(this.#options, ms, this.#validate(slot), () => {
      throw new Error(`validate took longer than ${ms} ms`)
    })
  }

  /** Its number is free once `destroy` has settled, however long that takes. */
  close(slot: Slot<T>): Promise<void> {
    const { hooks, indexes, isForced } = this.#options
    const force = isForced() || slot.isHeld || slot.isBroken
    const destroyed = runInRootContext(async () => {
      await hooks.destroy?.(slot.resource, { index: slot.index, force })
    })
      .catch((error) => warn(hooks.name, slot.index, error))
      .then(() => indexes.giveBack(slot.index))
    const { destroyTimeoutMs: ms } = hooks
    return inTime(this.#options, ms, destroyed, () =>
      warn(hooks.name, slot.index, new Error(`destroy took longer than ${ms} ms (destroyTimeoutMs)`)),
    )
  }

  async #validate(slot: Slot<T>): Promise<void> {
    const isValid = await runInRootContext(async () => this.#options.hooks.validate?.(slot.resource))
    if (isValid !== true) throw new Error('validate has found the resource unusable')
  }
}

function warn(pool: string, index: number, error: unknown): void {
  process.emitWarning(`A resource of the pool "${pool}" (index ${index}) could not be destroyed.`, {
    code: 'SHERD_RESOURCE_DESTROY_FAILED',
    detail: error instanceof Error ? String(error.stack) : String(error),
  })
}
