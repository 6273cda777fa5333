import type { Strategy } from './strategy.ts'

type Find = Strategy['find']

/**
 * What the first strategy that knows the tenant says; the `composite` strategy. It answers at once as long as those
 * it asks do. A strategy that fails ends the search: the next one might know an outdated place.
 */
export function findInOrder([first, ...others]: readonly Strategy[]): Find {
  if (first === undefined) return () => undefined
  if (others.length === 0) return first.find
  const findInOthers = findInOrder(others)
  return (tenant) => {
    const found = first.find(tenant)
    if (typeof found === 'string') return found
    if (found === undefined) return findInOthers(tenant)
    return found.then((shard) => shard ?? findInOthers(tenant))
  }
}
