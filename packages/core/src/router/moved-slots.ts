import { SLOT_COUNT } from '../config/slot-count.ts'
import type { Rerouting } from '../errors.ts'
import { ownersOf } from './buckets-strategy.ts'
import type { PlacedIds } from './placed-ids.ts'

/** The slots that belong to another shard, as runs of neighbours. */
export function movedSlots({ config: before }: PlacedIds, { config: after }: PlacedIds): Rerouting[] {
  const ownersBefore = ownersOf(before)
  const ownersAfter = ownersOf(after)
  const moved: Rerouting[] = []
  let first = 0
  for (let slot = 1; slot <= SLOT_COUNT; slot++) {
    const from = ownersBefore[first]
    const to = ownersAfter[first]
    if (slot < SLOT_COUNT && ownersBefore[slot] === from && ownersAfter[slot] === to) continue
    if (from !== undefined && to !== undefined && from !== to) {
      const last = slot - 1
      moved.push({ kind: 'slots', subject: first === last ? `${first}` : `${first} to ${last}`, from, to })
    }
    first = slot
  }
  return moved
}
