import { startDatabase } from '../http/database.ts'
import { HostField } from '../http/host-field.ts'
import type { CaseResult } from '../measure/result.ts'
import { HOSTS } from './end-to-end.ts'
import type { CasePlan, Suite } from './suite.ts'

const POOL_MAX = 10
const QUERIES = [1, 3, 10] as const
/** Fewer than connections, and more. */
const CALLERS = [5, 20] as const

const CONTESTANTS = Object.keys(HOSTS).filter((name) => name.startsWith('Sherd')) as (keyof typeof HOSTS)[]

interface ScrubCase extends CasePlan {
  readonly callers: number
  readonly path: string
}

const cases: readonly ScrubCase[] = CALLERS.flatMap((callers) =>
  QUERIES.map((queries) => ({
    id: `${queries} ${queries === 1 ? 'query' : 'queries'}, ${callers} callers, pool of ${POOL_MAX}`,
    contestants: CONTESTANTS,
    figures: ['requestsPerSecond', 'cpuUsPerRequest', 'p50Ms', 'p99Ms'] as const,
    compared: { figure: 'requestsPerSecond', to: 'Sherd, scrub never' } as const,
    callers,
    path: `/read/${queries}`,
  })),
)

export const scrub: Suite = {
  name: 'scrub',
  title: 'Clean sessions: what the scrub costs in each mode',
  cases,
  async run({ isQuick, rounds, progress }) {
    await using database = await startDatabase()
    await using field = new HostField(database)
    await field.open(Object.fromEntries(CONTESTANTS.map((name) => [name, HOSTS[name]])), POOL_MAX)
    if (!isQuick) await field.warmUp({ path: '/read/3', callers: POOL_MAX }, progress)
    const results: CaseResult[] = []
    for (const { id, contestants, callers, path } of cases) {
      const ms = isQuick ? 20 : 400
      results.push(
        await field.compare({
          id,
          contestants,
          path,
          callers,
          ms,
          progress,
          rounds: isQuick ? 1 : Math.min(rounds, 7),
          warmUpRounds: isQuick ? 0 : 1,
        }),
      )
    }
    return results
  },
}
