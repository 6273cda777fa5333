import { serveCalls } from '../processes/serve-calls.ts'
import { runCycles, runLeavers } from './cycles.ts'
import { createGenericPool } from './generic-pool.ts'
import { createPgPool } from './pg-pool.ts'
import type { PoolCalls, Work } from './pool-calls.ts'
import type { PoolName, PoolUnderTest } from './pool-under-test.ts'
import { createShardPool } from './shard-pool.ts'
import { createTarn } from './tarn.ts'

// One pool in a process of its own: what the compiler learns about one says nothing about another.

const CREATE: Readonly<Record<PoolName, (max: number) => PoolUnderTest>> = {
  Sherd: createShardPool,
  tarn: createTarn,
  'pg-pool': createPgPool,
  'generic-pool': createGenericPool,
}

/** Few enough for the young generation: nothing is collected meanwhile. */
const COUNTED_CYCLES = 2000

const WARM_UP_CYCLES = 200_000

let pool: PoolUnderTest
let max: number
/** Kept open beside it. */
let others: PoolUnderTest[] = []

serveCalls<PoolCalls>({
  async open(options) {
    max = options.max
    const create = CREATE[options.name]
    pool = create(max)
    others = Array.from({ length: options.others }, () => create(max))
    for (const other of others) await runCycles(other, { callers: 1, cycles: 1 })
    await runCycles(pool, { callers: 1, cycles: WARM_UP_CYCLES })
  },

  async measure({ work, ms }) {
    const perCall = await calibrate(work, ms)
    const [from, cpu] = [performance.now(), process.cpuUsage()]
    await run(work, perCall)
    const seconds = (performance.now() - from) / 1000
    const { user, system } = process.cpuUsage(cpu)
    return { cyclesPerSecond: perCall / seconds, cpuNsPerCycle: ((user + system) * 1000) / perCall }
  },

  async allocation({ callers }) {
    const work = { callers } as const
    await run(work, COUNTED_CYCLES)
    gc?.()
    const before = process.memoryUsage().heapUsed
    await run(work, COUNTED_CYCLES)
    return { bytesPerCycle: (process.memoryUsage().heapUsed - before) / COUNTED_CYCLES }
  },
})

async function run(work: Work, cycles: number): Promise<void> {
  if ('waiters' in work) {
    await runLeavers(pool, { waiters: work.waiters, rounds: Math.ceil(cycles / work.waiters), max })
  } else await runCycles(pool, { callers: work.callers, cycles })
}

/** How many cycles take about `ms`. */
async function calibrate(work: Work, ms: number): Promise<number> {
  for (let cycles = 1000; ; cycles *= 2) {
    const from = performance.now()
    await run(work, cycles)
    const took = performance.now() - from
    if (took >= ms / 8) return Math.max(1000, Math.round((cycles * ms) / took / 1000) * 1000)
  }
}
