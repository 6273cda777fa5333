import type { ResolvedConfig } from '../config/resolved-config.ts'
import type { Rerouting } from '../errors.ts'
import type { PlacedIds } from './placed-ids.ts'

/** The remainders that belong to another shard; with another number of shards nearly every id has another remainder. */
export function movedRemainders({ config: before }: PlacedIds, { config: after }: PlacedIds): Rerouting[] {
  const was = byIndex(before)
  const is = byIndex(after)
  if (was.length !== is.length) {
    const divisor = (names: readonly string[]) => `modulo ${names.length}`
    return [{ kind: 'strategy', subject: 'modulo', from: divisor(was), to: divisor(is) }]
  }
  return was.flatMap((from, index): Rerouting[] => {
    const to = is[index] as string
    return from === to ? [] : [{ kind: 'remainder', subject: String(index), from, to }]
  })
}

function byIndex({ shards }: ResolvedConfig): string[] {
  return Array.from(shards.values())
    .sort((a, b) => (a.index ?? 0) - (b.index ?? 0))
    .map(({ name }) => name)
}
