import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { alternate, type Contestant } from '../measure/alternate.ts'
import type { CaseResult, Sample } from '../measure/result.ts'
import { MeasuredProcess } from '../processes/measured-process.ts'
import type { ScaleCalls, ShardsFrom } from '../scale/scale-calls.ts'
import type { CasePlan, Suite, SuiteContext } from './suite.ts'

const TENANTS = [10, 1000, 100_000, 1_000_000]
const SHARDS = [1, 100, 1000, 10_000]
const DEPTHS = [1, 10, 100]

type ScaleProcess = MeasuredProcess<ScaleCalls>

interface ScaleCase extends CasePlan {
  run(context: SuiteContext, id: string): Promise<CaseResult>
}

const lookups: readonly ScaleCase[] = TENANTS.map((tenants) => ({
  id: `${tenants.toLocaleString('en-US')} tenants`,
  contestants: ['Map', 'Sherd'],
  figures: ['nsPerLookup', 'bytesPerTenant'],
  compared: { figure: 'nsPerLookup', to: 'Map' },
  run: (context, id) => compareLookups(context, id, tenants),
}))

const starts: readonly ScaleCase[] = (['from an object', 'from files'] as const).map((source) => ({
  id: `shards ${source}`,
  contestants: SHARDS.map(shardsTitle),
  figures: ['startMs', 'bytesPerShard', 'timers'],
  run: (context, id) => compareStarts(context, id, source),
}))

const nesting: readonly ScaleCase[] = DEPTHS.map((depth) => ({
  id: depth === 1 ? 'one scope' : `${depth} scopes inside each other`,
  contestants: ['AsyncLocalStorage.run', 'connectedTo'],
  figures: ['nsPerScope'],
  compared: { figure: 'nsPerScope', to: 'AsyncLocalStorage.run' },
  run: (context, id) =>
    withProcesses({ run: 'AsyncLocalStorage.run', Sherd: 'connectedTo' }, (by, process) => ({
      measure: async () => ({ nsPerScope: await process.call('nest', { by, depth, ms: msOf(context) }) }),
    }))(context, id),
}))

const awaits: ScaleCase = {
  id: '1,000 awaits',
  contestants: ['in no scope', 'inside AsyncLocalStorage.run', 'inside connectedTo'],
  figures: ['nsPerAwait'],
  compared: { figure: 'nsPerAwait', to: 'inside AsyncLocalStorage.run' },
  run: (context, id) =>
    withProcesses(
      { nothing: 'in no scope', run: 'inside AsyncLocalStorage.run', Sherd: 'inside connectedTo' },
      (inside, process) => ({
        measure: async () => ({ nsPerAwait: await process.call('await', { inside, ms: msOf(context) }) }),
      }),
    )(context, id),
}

const cases: readonly ScaleCase[] = [...lookups, ...starts, ...nesting, awaits]

export const scale: Suite = {
  name: 'scale',
  title: 'Many tenants, many shards, many scopes',
  cases,
  async run(context) {
    const results: CaseResult[] = []
    for (const { id, run } of cases) results.push(await run(context, id))
    return results
  },
}

function msOf({ isQuick }: SuiteContext): number {
  return isQuick ? 10 : 150
}

/** Contestants in a process each, by what the process is asked for. */
function withProcesses<K extends string>(
  titles: Readonly<Record<K, string>>,
  contestant: (key: K, process: ScaleProcess) => Pick<Contestant, 'measure'>,
) {
  return async ({ isQuick, rounds, progress }: SuiteContext, id: string): Promise<CaseResult> => {
    const processes: ScaleProcess[] = []
    try {
      const contestants = Object.entries<string>(titles).map(([key, name]) => {
        const process: ScaleProcess = new MeasuredProcess('scale-process')
        processes.push(process)
        return { name, ...contestant(key as K, process) }
      })
      return await alternate({ id, contestants, rounds, warmUpRounds: isQuick ? 1 : 3, progress })
    } finally {
      await Promise.all(processes.map((process) => process.end()))
    }
  }
}

function compareLookups(context: SuiteContext, id: string, tenants: number): Promise<CaseResult> {
  const held = new Map<ScaleProcess, Promise<number>>()
  return withProcesses({ Map: 'Map', Sherd: 'Sherd' }, (by, process) => ({
    async measure() {
      const bytesPerTenant = held.get(process) ?? process.call('hold', { tenants, by })
      held.set(process, bytesPerTenant)
      return {
        bytesPerTenant: await bytesPerTenant,
        nsPerLookup: await process.call('lookUp', { ms: msOf(context) }),
      }
    },
  }))(context, id)
}

async function compareStarts(
  { isQuick, rounds, progress }: SuiteContext,
  id: string,
  source: 'from an object' | 'from files',
): Promise<CaseResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'benchmark-'))
  try {
    const contestants = SHARDS.map((shards) => {
      const from = source === 'from an object' ? { shards } : { folder: writeShards(folder, shards) }
      return { name: shardsTitle(shards), measure: () => measureStart(from, shards) }
    })
    return await alternate({
      id,
      contestants,
      rounds: isQuick ? 1 : Math.min(rounds, 5),
      warmUpRounds: 0,
      progress,
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** In a new process: what is compiled by then, or kept, would be told of the next. */
async function measureStart(from: ShardsFrom, shards: number): Promise<Sample> {
  const process: ScaleProcess = new MeasuredProcess('scale-process')
  try {
    const { startMs, heapBytes, timers } = await process.call('start', from)
    return { startMs, bytesPerShard: heapBytes / shards, timers }
  } finally {
    await process.end()
  }
}

function shardsTitle(shards: number): string {
  return shards === 1 ? '1 shard' : `${shards.toLocaleString('en-US')} shards`
}

function writeShards(parent: string, shards: number): string {
  const folder = path.join(parent, String(shards))
  mkdirSync(path.join(folder, 'shards'), { recursive: true })
  writeFileSync(path.join(folder, 'sharding.yaml'), 'defaults: { client: pg }\n')
  for (let index = 0; index < shards; index++) {
    const file = path.join(folder, 'shards', `shard_${index}.yaml`)
    writeFileSync(
      file,
      `connection: postgres://nobody:nothing@127.0.0.1:1/nowhere_${index}\ntenants: [tenant-${index}]\n`,
    )
  }
  return folder
}
