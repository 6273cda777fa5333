import type { Path } from './path.ts'
import { placeIn } from './place-in.ts'
import type { Reading } from './reading.ts'
import type { ShardReading } from './readings.ts'
import type { SlotRange } from './resolved-config.ts'
import { SLOT_COUNT } from './slot-count.ts'

interface Placed {
  readonly shard: ShardReading
  readonly index: number
}

/** How many gaps a message lists. */
const GAPS_SHOWN = 5

/** Notes every range that shares a slot with an earlier one. */
export function reportOverlappingSlots(shards: readonly ShardReading[]): void {
  const owners = new Array<Placed | undefined>(SLOT_COUNT)
  for (const shard of shards) {
    for (const [index, range] of (shard.value.buckets ?? []).entries()) {
      const owner = occupy(owners, range, { shard, index })
      if (owner === undefined) continue
      shard.report(['buckets', index], {
        message: `overlaps ${placeIn(owner.shard, ['buckets', owner.index])}`,
        mend: 'Give each slot to one shard; first and last slot both belong to a range.',
      })
    }
  }
}

/** Notes slots that belong to no shard: their tenants would be unknown. */
export function reportUncoveredSlots(
  shards: readonly ShardReading[],
  { main, path }: { main: Reading<unknown>; path: Path },
): void {
  const gaps = gapsBetween(shards.flatMap(({ value }) => value.buckets ?? []))
  if (gaps.length === 0) return
  const listed = gaps
    .slice(0, GAPS_SHOWN)
    .map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`))
  const more = gaps.length > GAPS_SHOWN ? ` and ${gaps.length - GAPS_SHOWN} more gaps` : ''
  main.report(path, {
    message: `leaves slots without a shard: ${listed.join(', ')}${more}`,
    mend: 'Add them to `buckets` of the shards that hold those tenants.',
    shown: undefined,
  })
}

/** Takes the free slots of a range; the first owner of a taken one, if any, is returned. */
function occupy(
  owners: (Placed | undefined)[],
  { first, last }: SlotRange,
  placed: Placed,
): Placed | undefined {
  let taken: Placed | undefined
  for (let slot = first; slot <= last; slot++) {
    taken ??= owners[slot]
    owners[slot] ??= placed
  }
  return taken
}

function gapsBetween(ranges: readonly SlotRange[]): SlotRange[] {
  const gaps: SlotRange[] = []
  let next = 0
  for (const { first, last } of ranges.toSorted((a, b) => a.first - b.first)) {
    if (first > next) gaps.push({ first: next, last: first - 1 })
    next = Math.max(next, last + 1)
  }
  if (next < SLOT_COUNT) gaps.push({ first: next, last: SLOT_COUNT - 1 })
  return gaps
}
