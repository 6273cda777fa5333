import { startDatabase } from '../http/database.ts'
import { HostField, type HostOptions } from '../http/host-field.ts'
import type { CaseResult } from '../measure/result.ts'
import type { CasePlan, Suite } from './suite.ts'

const QUERIES = [1, 3, 10] as const
const POOLS = [5, 20] as const

/** Callers for each connection of the pool. */
const LOADS = { below: 0.4, above: 4 } as const

export const HOSTS = {
  'pg by hand': { variant: 'pinned pg', hygiene: 'off' },
  'pg by hand, DISCARD ALL': { variant: 'pinned pg', hygiene: 'on' },
  'knex by hand': { variant: 'pinned knex', hygiene: 'off' },
  'knex by hand, DISCARD ALL': { variant: 'pinned knex', hygiene: 'on' },
  'knex per query': { variant: 'knex per query', hygiene: 'off' },
  'knex per query, DISCARD ALL': { variant: 'knex per query', hygiene: 'on' },
  'knex map': { variant: 'knex map', hygiene: 'off' },
  'knex map, DISCARD ALL': { variant: 'knex map', hygiene: 'on' },
  'Sherd, scrub never': { variant: 'Sherd', hygiene: 'off' },
  'Sherd, scrub auto': { variant: 'Sherd', hygiene: 'auto' },
  'Sherd, scrub always': { variant: 'Sherd', hygiene: 'on' },
  'Sherd raw, scrub never': { variant: 'Sherd raw', hygiene: 'off' },
  'Sherd raw, scrub always': { variant: 'Sherd raw', hygiene: 'on' },
} as const satisfies Record<string, HostOptions>

interface EndToEndCase extends CasePlan {
  readonly pool: number
  readonly callers: number
  readonly path: string
  /** Targets are set for it: it is measured in full, the others in short. */
  readonly isMain: boolean
}

export function endToEndId(
  queries: number,
  pool: number,
  load: keyof typeof LOADS,
  inTransaction = false,
): string {
  const what = `${queries} ${queries === 1 ? 'query' : 'queries'}${inTransaction ? ' in a transaction' : ''}`
  return `${what}, pool of ${pool}, ${load} saturation`
}

const cases: readonly EndToEndCase[] = POOLS.flatMap((pool) =>
  (['above', 'below'] as const).flatMap((load) =>
    [false, true].flatMap((inTransaction) =>
      QUERIES.map((queries) => ({
        id: endToEndId(queries, pool, load, inTransaction),
        contestants: Object.keys(HOSTS),
        figures: ['requestsPerSecond', 'cpuUsPerRequest', 'p50Ms', 'p99Ms', 'connections'] as const,
        compared: { figure: 'requestsPerSecond', to: 'knex per query' } as const,
        pool,
        callers: Math.ceil(pool * LOADS[load]),
        path: `/${inTransaction ? 'transaction' : 'read'}/${queries}`,
        isMain: load === 'above' && !inTransaction && queries > 1,
      })),
    ),
  ),
)

export const endToEnd: Suite = {
  name: 'end-to-end',
  title: 'Requests from end to end, on PostgreSQL',
  cases,
  async run({ isQuick, rounds, progress, note }) {
    note(
      'nestjs-cls: its transactional plugin has an adapter for knex, @nestjs-cls/transactional-adapter-knex, that could not be installed from npm; it is not measured.',
    )
    await using database = await startDatabase()
    const results: CaseResult[] = []
    for (const pool of POOLS) {
      await using field = new HostField(database)
      await field.open(HOSTS, pool)
      if (!isQuick) await field.warmUp({ path: '/read/3', callers: pool }, progress)
      for (const { id, contestants, callers, path, isMain } of cases.filter((each) => each.pool === pool)) {
        results.push(
          await field.compare({
            id,
            contestants,
            path,
            callers,
            progress,
            ms: isQuick ? 20 : isMain ? 600 : 400,
            rounds: isMain ? rounds : Math.min(rounds, isQuick ? 1 : 3),
            warmUpRounds: isMain && !isQuick ? 1 : 0,
          }),
        )
      }
    }
    return results
  },
}
