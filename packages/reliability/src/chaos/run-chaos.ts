import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { FaultProxy } from '@sherd/fault-proxy'
import { Fleet } from './fleet.ts'
import { HistoryCheck } from './history/check-history.ts'
import type { Finding, Rule } from './history/findings.ts'
import { readHistory } from './history/history-file.ts'
import type { FaultRecord, HeapRecord, HistoryRecord, RestRecord } from './history/history-record.ts'
import type { HostCalls, VariantName } from './host/host-calls.ts'
import type { Holdings } from './host/variant.ts'
import type { LoadCalls, LoadMark, LoadResult } from './load/load-calls.ts'
import { warmUp } from './load/warm-up.ts'
import { makeFault } from './make-fault.ts'
import { measureOutage, type Outage } from './measure/outage.ts'
import { FRAMEWORKS, type Framework } from './plan/placement.ts'
import { plannedFaults } from './plan/planned-faults.ts'
import { plannedRequest } from './plan/planned-request.ts'
import { Worker } from './processes/worker.ts'

export interface ChaosOptions {
  readonly variant: VariantName
  readonly seed: number
  /** How many requests are sent, unless `maxMs` ends it earlier. */
  readonly requests: number
  readonly faults: number
  readonly maxMs: number
  /** Measure, behind the planned requests, how outages of one shard look to its clients. */
  readonly outages: boolean
}

export interface ChaosResult {
  readonly options: ChaosOptions
  readonly load: LoadResult
  readonly faults: readonly FaultRecord[]
  readonly heaps: readonly HeapRecord[]
  /** Records that were judged, by what they are. */
  readonly records: HistoryCheck['counts']
  /** Undefined where they were not asked for. */
  readonly outages: Outages | undefined
  readonly violations: Readonly<Record<Rule, Finding>>
}

export interface Outages {
  readonly refused: Outage
  readonly blackHole: Outage
}

/** So small that queues form; patient enough to serve them on a machine that has other work, too. */
const POOL = { max: 4, checkoutTimeoutMs: 4000, connectTimeoutMs: 1500 }
const CONCURRENCY = 32
/** For what has been sent last to be answered, and its connections to be cleaned. */
const REST_MS = 8000
/** For a server to notice that a socket was closed. */
const CLOSE_MS = 2000
/** For a process to end once everything is closed. */
const EXIT_MS = 5000
/** How often heaps are looked at. */
const HEAP_SAMPLES = 40
const OUTAGE_MS = 4000

const HOST = new URL('./host/main.ts', import.meta.url)
const LOAD = new URL('./load/main.ts', import.meta.url)

/** Sends planned requests while planned faults happen, and judges what all have seen. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'sherd-chaos-'))
  const fleet = await Fleet.start()
  try {
    return await new ChaosRun(options, fleet, folder).result()
  } finally {
    await fleet[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Host {
  readonly framework: Framework
  readonly worker: Worker<HostCalls>
  readonly port: number
}

class ChaosRun {
  readonly #options: ChaosOptions
  readonly #fleet: Fleet
  readonly #folder: string
  readonly #faults: FaultRecord[] = []
  readonly #heaps: HeapRecord[] = []
  /** What this process has seen itself. */
  readonly #seen: HistoryRecord[] = []

  constructor(options: ChaosOptions, fleet: Fleet, folder: string) {
    this.#options = options
    this.#fleet = fleet
    this.#folder = folder
  }

  async result(): Promise<ChaosResult> {
    const hosts = await Promise.all(FRAMEWORKS.map((framework) => this.#startHost(framework)))
    try {
      const ports = Object.fromEntries(hosts.map(({ framework, port }) => [framework, port])) as Ports
      await warmUp(this.#options.seed, { from: this.#options.requests, ports })
      const load = await this.#sendRequests(hosts, ports)
      const outages = this.#options.outages ? await this.#measureOutages(ports) : undefined
      await Promise.all(hosts.map((host) => this.#rest(host)))
      await Promise.all(hosts.map((host) => this.#end(host)))
      return { options: this.#options, load, outages, ...(await this.#judge()) }
    } finally {
      for (const { worker } of hosts) await worker.ends(0)
    }
  }

  // --- Running -----------------------------------------------------------------------------------------------

  async #startHost(framework: Framework): Promise<Host> {
    const { variant, seed } = this.#options
    const worker = new Worker<HostCalls>(HOST)
    const shards = this.#fleet.urlsFor(framework)
    const history = this.#historyOf(framework)
    const port = await worker.call('start', { framework, variant, seed, shards, history, ...POOL })
    return { framework, worker, port }
  }

  async #sendRequests(hosts: readonly Host[], ports: Ports): Promise<LoadResult> {
    const { seed, requests, faults: count, maxMs } = this.#options
    const faults = plannedFaults(seed, { requests, count })
    const heapsAt = Array.from({ length: HEAP_SAMPLES }, (_, sample) =>
      Math.floor((sample * requests) / HEAP_SAMPLES),
    )
    // One after another, each as soon as its request is sent and the one before is healed.
    let faulting = Promise.resolve()
    const worker = new Worker<LoadCalls>(LOAD, (message) => {
      const { started } = message as LoadMark
      for (const { fault } of faults.filter(({ atRequest }) => atRequest === started)) {
        faulting = faulting.then(async () => {
          this.#faults.push(await makeFault(this.#fleet, fault))
        })
      }
      if (heapsAt.includes(started)) void this.#sampleHeaps(hosts, started)
    })
    try {
      const marks = [...faults.map(({ atRequest }) => atRequest), ...heapsAt]
      const history = this.#historyOf('load')
      const options = { seed, requests, concurrency: CONCURRENCY, maxMs, ports, marks, history }
      const load = await worker.call('run', options)
      await faulting
      return load
    } finally {
      await worker.ends(EXIT_MS)
    }
  }

  async #sampleHeaps(hosts: readonly Host[], requests: number): Promise<void> {
    for (const { framework, worker } of hosts) {
      const bytes = await worker.call('heap').catch(() => undefined)
      if (bytes !== undefined) this.#heaps.push({ t: 'heap', process: framework, requests, bytes })
    }
  }

  async #measureOutages(ports: Ports): Promise<Outages> {
    const refused = await this.#outage(ports, async (proxy) => {
      const refusal = await proxy.refuse()
      proxy.reset()
      return () => refusal.heal()
    })
    const blackHole = await this.#outage(ports, async (proxy) => {
      const hole = proxy.blackHole()
      return () => hole.heal()
    })
    return { refused, blackHole }
  }

  #outage(ports: Ports, begin: (proxy: FaultProxy) => Promise<() => void | Promise<void>>): Promise<Outage> {
    const { seed, requests } = this.#options
    const { name, proxy } = this.#fleet.shards[0] as Fleet['shards'][number]
    return measureOutage({
      seed,
      fromRequest: requests,
      shard: name,
      ports,
      begin: () => begin(proxy),
      forMs: OUTAGE_MS,
    })
  }

  // --- Coming to rest ----------------------------------------------------------------------------------------

  async #rest({ framework, worker }: Host): Promise<void> {
    const observe = async (when: RestRecord['when'], holdings: Holdings, sessions: number) =>
      this.#seen.push({ t: 'rest', process: framework, when, ...holdings, sessions })
    const sessions = () => this.#fleet.sessionsOf(framework)

    const isIdle = ({ leases, waiting }: Holdings) => leases + waiting === 0
    const idle = await settled(() => worker.call('holdings'), isIdle, REST_MS)
    await observe('idle', idle, await sessions())
    const closed = await worker.call('close')
    await observe('closed', closed, await settled(sessions, (count) => count === 0, CLOSE_MS))
  }

  async #end({ framework, worker }: Host): Promise<void> {
    this.#seen.push({ t: 'exit', process: framework, byItself: await worker.ends(EXIT_MS) })
  }

  // --- Judging -----------------------------------------------------------------------------------------------

  async #judge(): Promise<Pick<ChaosResult, 'faults' | 'heaps' | 'records' | 'violations'>> {
    const check = new HistoryCheck((id) => plannedRequest(this.#options.seed, id))
    for (const record of [...this.#seen, ...this.#faults, ...this.#heaps]) check.add(record)
    for (const process of [...FRAMEWORKS, 'load'] as const) {
      for await (const record of readHistory(this.#historyOf(process))) check.add(record)
    }
    for await (const record of this.#fleet.rows()) check.add(record)
    for await (const record of this.#fleet.statements()) check.add(record)
    check.finish()
    const { findings, counts } = check
    return { faults: this.#faults, heaps: this.#heaps, records: counts, violations: findings.all }
  }

  #historyOf(process: Framework | 'load'): string {
    return path.join(this.#folder, `${process}.ndjson`)
  }
}

type Ports = Readonly<Record<Framework, number>>

/** Asks until the answer is as it should be, or time is up. @returns the last answer */
async function settled<T>(
  ask: () => Promise<T>,
  isSettled: (answer: T) => boolean,
  withinMs: number,
): Promise<T> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const answer = await ask()
    if (isSettled(answer) || performance.now() > deadline) return answer
    await wait(50)
  }
}
