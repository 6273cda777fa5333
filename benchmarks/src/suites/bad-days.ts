import { startProxy } from '@sherd/fault-proxy'
import { SLEEP_SECONDS } from '../http/create-app.ts'
import { type Database, startDatabase } from '../http/database.ts'
import type { Host } from '../http/load-on-host.ts'
import type { VariantName } from '../http/variants/variants.ts'
import type { LoadCalls } from '../load/load-calls.ts'
import { alternate } from '../measure/alternate.ts'
import type { CaseResult, Sample } from '../measure/result.ts'
import { MeasuredProcess } from '../processes/measured-process.ts'
import type { CasePlan, Suite, SuiteContext } from './suite.ts'

const POOL_MAX = 5
const CONTESTANTS = {
  'pg by hand': 'pinned pg',
  'knex per query': 'knex per query',
  Sherd: 'Sherd',
} as const satisfies Record<string, VariantName>

const CALLERS = 10
/** After which clients go. */
const PATIENCE_MS = 1000
/** Long enough for one that waits for its own time limits. */
const REFUSED_PATIENCE_MS = 5000
const HOLE_MS = 5000
/** More than the two seconds for which a request may wait for a connection. */
const OVERLOAD_PATIENCE_MS = 3000
const GIVE_UP_MS = 40_000
const TIMES = [2, 5, 10]
/** What the database can bear at most. */
const LIMIT_PER_SECOND = POOL_MAX / SLEEP_SECONDS
/** Each round takes seconds. */
const ROUNDS_MAX = 3

interface Scene {
  readonly load: MeasuredProcess<LoadCalls>
  readonly database: Database
  readonly isQuick: boolean
}

interface BadDay extends CasePlan {
  measure(host: Host, proxy: Awaited<ReturnType<typeof startProxy>>, scene: Scene): Promise<Sample>
}

const COMMON = { contestants: Object.keys(CONTESTANTS) }

const cases: readonly BadDay[] = [
  {
    ...COMMON,
    id: 'the database refuses connections',
    figures: ['refusedP50Ms', 'refusedP99Ms'],
    compared: { figure: 'refusedP50Ms', to: 'knex per query' },
    measure: measureRefusal,
  },
  {
    ...COMMON,
    id: 'the network was a black hole for 5 s',
    figures: ['recoveryMs'],
    compared: { figure: 'recoveryMs', to: 'knex per query' },
    measure: measureRecovery,
  },
  ...TIMES.map(
    (times): BadDay => ({
      ...COMMON,
      id: `${times} times the load that it can bear`,
      figures: ['servedPercent', 'servedP50Ms'],
      compared: { figure: 'servedPercent', to: 'knex per query' },
      measure: (host, _proxy, scene) => measureOverload(host, scene, times),
    }),
  ),
]

export const badDays: Suite = {
  name: 'bad-days',
  title: 'Bad days: a database that is down, a network that swallows, more load than it can bear',
  cases,
  async run(context) {
    const load = new MeasuredProcess<LoadCalls>('load-process')
    try {
      await using database = await startDatabase()
      const scene = { load, database, isQuick: context.isQuick }
      const results: CaseResult[] = []
      for (const plan of cases) results.push(await compare(context, plan, scene))
      return results
    } finally {
      await load.end()
    }
  },
}

function compare(
  { isQuick, rounds, progress }: SuiteContext,
  { id, measure }: BadDay,
  scene: Scene,
): Promise<CaseResult> {
  return alternate({
    id,
    contestants: Object.entries(CONTESTANTS).map(([name, variant]) => ({
      name,
      measure: () => withHost(variant, scene, (host, proxy) => measure(host, proxy, scene)),
    })),
    rounds: isQuick ? 1 : Math.min(rounds, ROUNDS_MAX),
    warmUpRounds: 0,
    progress,
  })
}

/** A server that is new and has served, with a proxy between it and the database. */
async function withHost(
  variant: VariantName,
  { load, database }: Scene,
  use: (host: Host, proxy: Awaited<ReturnType<typeof startProxy>>) => Promise<Sample>,
): Promise<Sample> {
  await using proxy = await startProxy({ to: database.url })
  const process: Host['process'] = new MeasuredProcess('host-process')
  try {
    const port = await process.call('open', {
      variant,
      framework: 'Express',
      url: proxy.url,
      poolMax: POOL_MAX,
      hygiene: variant === 'Sherd' ? 'on' : 'off',
      applicationName: variant,
    })
    await load.call('run', { port, path: '/read/1', callers: CALLERS, ms: 500 })
    const sample = await use({ process, port }, proxy)
    // Rejects if it has not survived that.
    await process.call('usage')
    return sample
  } finally {
    await process.end()
  }
}

async function measureRefusal(
  { port }: Host,
  proxy: Awaited<ReturnType<typeof startProxy>>,
  { load, isQuick }: Scene,
): Promise<Sample> {
  const refusal = await proxy.refuse()
  try {
    proxy.reset()
    const { failedP50Ms, failedP99Ms } = await load.call('outcomes', {
      port,
      path: '/read/1',
      callers: CALLERS,
      patienceMs: REFUSED_PATIENCE_MS,
      ms: isQuick ? 300 : 3000,
    })
    return { refusedP50Ms: failedP50Ms, refusedP99Ms: failedP99Ms }
  } finally {
    await refusal.heal()
  }
}

async function measureRecovery(
  { port }: Host,
  proxy: Awaited<ReturnType<typeof startProxy>>,
  { load, isQuick }: Scene,
): Promise<Sample> {
  const asked = { port, path: '/read/1', patienceMs: PATIENCE_MS }
  const hole = proxy.blackHole()
  await load.call('outcomes', { ...asked, callers: CALLERS, ms: isQuick ? 300 : HOLE_MS })
  hole.heal()
  return { recoveryMs: await load.call('firstSuccess', { ...asked, giveUpMs: GIVE_UP_MS }) }
}

async function measureOverload({ port }: Host, { load, isQuick }: Scene, times: number): Promise<Sample> {
  const asked = { port, path: '/sleep', patienceMs: OVERLOAD_PATIENCE_MS }
  const calm = await load.call('outcomes', { ...asked, callers: POOL_MAX + 2, ms: isQuick ? 300 : 1500 })
  const { served, seconds, servedP50Ms } = await load.call('arrive', {
    ...asked,
    perSecond: LIMIT_PER_SECOND * times,
    warmUpSeconds: isQuick ? 0.5 : 3,
    seconds: isQuick ? 0.5 : 3,
  })
  return { servedPercent: (100 * (served / seconds)) / (calm.served / calm.seconds), servedP50Ms }
}
