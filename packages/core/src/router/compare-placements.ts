import type { ResolvedConfig } from '../config/resolved-config.ts'
import { askedStrategies, placementsOf, type SimpleStrategy } from '../config/strategy-placements.ts'
import type { Rerouting } from '../errors.ts'
import { systemClock } from '../util/clock.ts'
import { findInOrder } from './find-in-order.ts'
import { movedRanges } from './moved-ranges.ts'
import { movedRemainders } from './moved-remainders.ts'
import { movedSlots } from './moved-slots.ts'
import { strategies } from './strategies.ts'

/** Strategies that place ids which nobody has listed. */
type WideStrategy = 'range' | 'buckets' | 'modulo'

const MOVED = { range: movedRanges, buckets: movedSlots, modulo: movedRemainders }

/**
 * Everything that `before` places on one shard and `after` on another. What becomes unknown is not among it: its requests
 * are refused, and go nowhere wrong. What `lookup` says cannot be compared.
 */
export function comparePlacements(before: ResolvedConfig, after: ResolvedConfig): readonly Rerouting[] {
  return [...movedTenants(before, after), ...movedIds(before, after)]
}

/** Of the tenants that either of them lists by name. */
function movedTenants(before: ResolvedConfig, after: ResolvedConfig): Rerouting[] {
  const findBefore = finder(before)
  const findAfter = finder(after)
  const listed = new Set([...listedTenants(before), ...listedTenants(after)])
  return Array.from(listed).flatMap((subject): Rerouting[] => {
    const from = findBefore(subject)
    const to = findAfter(subject)
    if (from === undefined || to === undefined || from === to) return []
    return [{ kind: 'tenant', subject, from, to }]
  })
}

function listedTenants({ router, shards }: ResolvedConfig): string[] {
  if (!askedStrategies(router).some((name) => placementsOf(name).includes('tenants'))) return []
  return Array.from(shards.values()).flatMap(({ tenants }) => tenants)
}

function finder(config: ResolvedConfig): (tenant: string) => string | undefined {
  const comparable = askedStrategies(config.router).filter((name) => name !== 'lookup')
  // Only `lookup` answers with a promise.
  return findInOrder(comparable.map((name) => strategies[name](config, systemClock))) as never
}

/** Of all other ids, as the strategies divide them. */
function movedIds(before: ResolvedConfig, after: ResolvedConfig): Rerouting[] {
  const was = wideStrategies(before)
  const is = wideStrategies(after)
  const differsAt = was.findIndex((name, index) => index < is.length && name !== is[index])
  const inCommon = differsAt === -1 ? Math.min(was.length, is.length) : differsAt
  const moved = was
    .slice(0, inCommon)
    .flatMap((name, index) =>
      MOVED[name]({ config: before, next: was[index + 1] }, { config: after, next: is[index + 1] }),
    )
  if (differsAt === -1) return moved
  const to = is.slice(differsAt).join(', ')
  return [
    ...moved,
    ...was.slice(differsAt).map((name): Rerouting => ({ kind: 'strategy', subject: name, from: name, to })),
  ]
}

function wideStrategies({ router }: ResolvedConfig): WideStrategy[] {
  return askedStrategies(router).filter(isWide)
}

function isWide(name: SimpleStrategy): name is WideStrategy {
  return name in MOVED
}
