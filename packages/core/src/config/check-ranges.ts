import { placeIn } from './place-in.ts'
import type { ShardReading } from './readings.ts'
import type { IntegerRange } from './resolved-config.ts'

interface Placed {
  readonly range: IntegerRange
  readonly shard: ShardReading
  readonly index: number
  /** Position among all ranges, in file order. */
  readonly order: number
}

/** Notes every range that shares an id with another, at the later of the two. Gaps are allowed. */
export function reportOverlappingRanges(shards: readonly ShardReading[]): void {
  let widest: Placed | undefined
  for (const placed of inAscendingOrder(shards)) {
    if (widest !== undefined && reaches(widest.range, placed.range.from)) reportPair(widest, placed)
    if (widest === undefined || goesFurther(placed.range, widest.range)) widest = placed
  }
}

function inAscendingOrder(shards: readonly ShardReading[]): Placed[] {
  let order = 0
  const all = shards.flatMap((shard) =>
    (shard.value.ranges ?? []).map((range, index): Placed => ({ range, shard, index, order: order++ })),
  )
  return all.sort((a, b) => {
    if (a.range.from === b.range.from) return a.order - b.order
    return a.range.from < b.range.from ? -1 : 1
  })
}

function reaches({ to }: IntegerRange, id: bigint): boolean {
  return to === undefined || id < to
}

function goesFurther(a: IntegerRange, b: IntegerRange): boolean {
  return b.to !== undefined && (a.to === undefined || a.to > b.to)
}

function reportPair(a: Placed, b: Placed): void {
  const [first, second] = a.order < b.order ? [a, b] : [b, a]
  second.shard.report(['ranges', second.index], {
    message: `overlaps ${placeIn(first.shard, ['ranges', first.index])}, which is ${describe(first.range)}`,
    mend: 'Move a bound so that each id is in one range; `to` itself is not in its range.',
  })
}

function describe({ from, to }: IntegerRange): string {
  return to === undefined ? `${from} and all above` : `${from} to below ${to}`
}
