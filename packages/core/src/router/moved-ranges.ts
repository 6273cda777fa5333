import type { Rerouting } from '../errors.ts'
import type { PlacedIds } from './placed-ids.ts'
import { createRangeStrategy } from './range-strategy.ts'

interface Section {
  /** Undefined for "and all below". */
  readonly first: bigint | undefined
  readonly from: string
  readonly to: string
}

/** The ids whose range belongs to another shard, or has been given to another strategy or taken from one. */
export function movedRanges(before: PlacedIds, after: PlacedIds): Rerouting[] {
  const ownerBefore = ownerIn(before)
  const ownerAfter = ownerIn(after)
  const starts = [undefined, ...boundsOf(before, after)]
  const moved: Rerouting[] = []
  let open: Section | undefined
  const close = (end: bigint | undefined) => {
    if (open !== undefined) moved.push(rerouting(open, end))
    open = undefined
  }
  for (const first of starts) {
    // Between two bounds nothing changes, so that one id speaks for all.
    const id = first ?? (starts[1] ?? 0n) - 1n
    const from = ownerBefore(id)
    const to = ownerAfter(id)
    if (open?.from === from && open?.to === to) continue
    close(first)
    if (from !== undefined && to !== undefined && from !== to) open = { first, from, to }
  }
  close(undefined)
  return moved
}

function ownerIn({ config, next }: PlacedIds): (id: bigint) => string | undefined {
  const { find } = createRangeStrategy(config)
  return (id) => (find(String(id)) as string | undefined) ?? next
}

function boundsOf(...sides: readonly PlacedIds[]): bigint[] {
  const bounds = sides.flatMap(({ config }) =>
    Array.from(config.shards.values()).flatMap(({ ranges }) => ranges.flatMap(({ from, to }) => [from, to])),
  )
  return [...new Set(bounds.filter((bound) => bound !== undefined))].sort((a, b) => (a < b ? -1 : 1))
}

function rerouting({ first, from, to }: Section, end: bigint | undefined): Rerouting {
  const last = end === undefined ? undefined : end - 1n
  return { kind: 'range', subject: span(first, last), from, to }
}

function span(first: bigint | undefined, last: bigint | undefined): string {
  if (first === undefined) return last === undefined ? 'all' : `up to ${last}`
  if (last === undefined) return `from ${first}`
  return first === last ? `${first}` : `${first} to ${last}`
}
