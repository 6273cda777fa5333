import type { MigrationTargets } from './migrate-options.ts'
import type { MigrationParts } from './migration-parts.ts'

/**
 * How many shards of a server are worked on at a time: as many as its budget has connections for, at this moment. Beyond that
 * they would wait for each other's connections, for as long as a migration takes, and be refused.
 */
export function serverLimit(
  { poolBudgets }: MigrationParts,
  { concurrencyPerServer }: MigrationTargets,
): (server: string) => number {
  const wanted = concurrencyPerServer ?? Number.POSITIVE_INFINITY
  return (server) => {
    const granted = poolBudgets.stats()[server]?.granted ?? Number.POSITIVE_INFINITY
    return Math.min(wanted, Math.max(1, granted))
  }
}
