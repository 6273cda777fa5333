import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startPostgres } from '@sherd/local-servers'

// `pnpm cost`: what it costs an Express application to have everything watched: a listener to every event, the scope's
// fields in each request, stats once a second. Blocks of requests go in turn to two processes, of which one is watched;
// each is warm, and neither changes. Time of the processor is told beside throughput, for it depends less on what else
// the machine does.

const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '20' },
    requests: { type: 'string', default: '3000' },
    callers: { type: 'string', default: '20' },
    /** Watch neither: what the machine alone makes of it. */
    none: { type: 'boolean', default: false },
  },
})
const [pairs, requests, callers] = [values.pairs, values.requests, values.callers].map(Number) as [
  number,
  number,
  number,
]

interface Answer {
  readonly cpu: NodeJS.CpuUsage
  readonly heardCount: number
}

const database = await startPostgres()
const url = await database.createDatabase('cost')

interface Host {
  readonly child: ChildProcess
  readonly port: number
  readonly agent: Agent
}

async function startHost(isWatched: boolean): Promise<Host> {
  const child = fork(fileURLToPath(new URL('host.ts', import.meta.url)), {
    execArgv: process.execArgv,
    env: { ...process.env, DATABASE_URL: url, NODE_ENV: 'production', WATCHED: isWatched ? 'yes' : 'no' },
  })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return { child, port, agent: new Agent({ keepAlive: true, maxSockets: callers }) }
}

async function inquire({ child }: Host): Promise<Answer> {
  const answered = once(child, 'message')
  child.send('how are you?')
  const [answer] = (await answered) as [Answer]
  return answer
}

function ask({ port, agent }: Host): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get(
      { port, agent, host: '127.0.0.1', headers: { 'x-tenant-id': 'acme' } },
      (response) => {
        if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`))
        response.resume()
        response.on('end', resolve)
      },
    )
    request.on('error', reject)
  })
}

async function block(host: Host): Promise<{ perSecond: number; cpuUs: number }> {
  const before = await inquire(host)
  const started = performance.now()
  let left = requests
  const caller = async () => {
    while (left-- > 0) await ask(host)
  }
  await Promise.all(Array.from({ length: callers }, caller))
  const seconds = (performance.now() - started) / 1000
  const { cpu } = await inquire(host)
  const spent = cpu.user + cpu.system - before.cpu.user - before.cpu.system
  return { perSecond: requests / seconds, cpuUs: spent / requests }
}

function quartiles(numbers: readonly number[]): string {
  const sorted = [...numbers].sort((a, b) => a - b)
  const at = (share: number) => (sorted[Math.floor((sorted.length - 1) * share)] as number).toFixed(4)
  return `${at(0.5)} (quartiles ${at(0.25)} to ${at(0.75)})`
}

const watched = await startHost(!values.none)
const unwatched = await startHost(false)
const WARM_UP = 4
for (let round = 0; round < WARM_UP; round++) for (const host of [watched, unwatched]) await block(host)
const ratios = { perSecond: [] as number[], cpuUs: [] as number[] }
const bare = { perSecond: [] as number[], cpuUs: [] as number[] }
for (let pair = 0; pair < pairs; pair++) {
  // Whoever comes first has it no better in the end.
  const isFirst = pair % 2 === 0
  const first = await block(isFirst ? watched : unwatched)
  const second = await block(isFirst ? unwatched : watched)
  const [on, off] = isFirst ? [first, second] : [second, first]
  for (const figure of ['perSecond', 'cpuUs'] as const) {
    ratios[figure].push(on[figure] / off[figure])
    bare[figure].push(off[figure])
  }
}
const { heardCount } = await inquire(watched)
console.log(`${pairs} pairs of ${requests} requests each, ${callers} callers; ${heardCount} events heard`)
console.log(
  `unwatched: requests a second ${quartiles(bare.perSecond)}, µs of processor a request ${quartiles(bare.cpuUs)}`,
)
console.log(`watched ÷ unwatched, throughput: ${quartiles(ratios.perSecond)}`)
console.log(`watched ÷ unwatched, processor: ${quartiles(ratios.cpuUs)}`)
for (const { agent, child } of [watched, unwatched]) {
  agent.destroy()
  child.disconnect()
}
await database.stop()
