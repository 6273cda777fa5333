import { alternate } from '../measure/alternate.ts'
import type { CaseResult, Sample } from '../measure/result.ts'
import type { PoolCalls, Work } from '../pool/pool-calls.ts'
import { POOL_NAMES, type PoolName } from '../pool/pool-under-test.ts'
import { MeasuredProcess } from '../processes/measured-process.ts'
import type { CasePlan, Suite, SuiteContext } from './suite.ts'

/** Connections that each pool may have. */
const MAX = 10
const CALLERS = [1, 10, 100, 1000]
const WAITERS = 1000
/** Nobody can leave the queues of the others. */
const CAN_LEAVE: readonly PoolName[] = ['Sherd', 'tarn']
const CROWDS = { 'beside 10 others': 10, 'beside 1,000 others': 1000, 'beside 10,000 others': 10_000 }

const FIGURES = ['cyclesPerSecond', 'cpuNsPerCycle', 'bytesPerCycle'] as const
const COMPARED = { figure: 'cyclesPerSecond', to: 'tarn' } as const

interface PoolCase extends CasePlan {
  readonly work: Work
}

const comparisons: readonly PoolCase[] = CALLERS.map((callers) => ({
  id: callers === 1 ? '1 caller' : `${callers.toLocaleString('en-US')} callers`,
  contestants: POOL_NAMES,
  figures: FIGURES,
  compared: COMPARED,
  work: { callers },
}))

const leaving: PoolCase = {
  id: '1,000 waiters that leave',
  contestants: CAN_LEAVE,
  figures: ['cyclesPerSecond', 'cpuNsPerCycle'],
  compared: COMPARED,
  work: { waiters: WAITERS },
}

const crowded: PoolCase = {
  id: 'one of many pools',
  contestants: Object.keys(CROWDS),
  figures: FIGURES,
  compared: { figure: 'cyclesPerSecond', to: 'beside 10 others' },
  work: { callers: 1 },
}

type PoolProcess = MeasuredProcess<PoolCalls>

export const pool: Suite = {
  name: 'pool',
  title: 'The pool: take and give back',
  cases: [...comparisons, leaving, crowded],
  async run(context) {
    const peers = await openPools(Object.fromEntries(POOL_NAMES.map((name) => [name, { name, others: 0 }])))
    const crowds = await openPools(
      Object.fromEntries(
        Object.entries(CROWDS).map(([title, others]) => [title, { name: 'Sherd', others } as const]),
      ),
    )
    try {
      const cases: CaseResult[] = []
      for (const plan of [...comparisons, leaving]) cases.push(await compare(context, plan, peers))
      cases.push(await compare(context, crowded, crowds))
      return cases
    } finally {
      await Promise.all([...peers.values(), ...crowds.values()].map((process) => process.end()))
    }
  },
}

type Opened = Pick<Parameters<PoolCalls['open']>[0], 'name' | 'others'>

async function openPools(pools: Readonly<Record<string, Opened>>): Promise<Map<string, PoolProcess>> {
  const processes = new Map<string, PoolProcess>()
  for (const [title, opened] of Object.entries(pools)) {
    const process: PoolProcess = new MeasuredProcess('pool-process')
    processes.set(title, process)
    await process.call('open', { ...opened, max: MAX })
  }
  return processes
}

function compare(
  { isQuick, rounds, progress }: SuiteContext,
  { id, contestants, work }: PoolCase,
  processes: ReadonlyMap<string, PoolProcess>,
): Promise<CaseResult> {
  return alternate({
    id,
    contestants: contestants.map((name) => ({
      name,
      measure: () => measure(processes.get(name) as PoolProcess, work, isQuick ? 20 : 150),
    })),
    rounds,
    warmUpRounds: isQuick ? 1 : 2,
    progress,
  })
}

async function measure(process: PoolProcess, work: Work, ms: number): Promise<Sample> {
  const speed = await process.call('measure', { work, ms })
  return 'callers' in work ? { ...speed, ...(await process.call('allocation', work)) } : speed
}
