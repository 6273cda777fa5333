import type { Load, LoadCalls } from '../load/load-calls.ts'
import { alternate } from '../measure/alternate.ts'
import type { CaseResult } from '../measure/result.ts'
import { MeasuredProcess } from '../processes/measured-process.ts'
import type { Database } from './database.ts'
import { type Host, loadOnHost, warmUp } from './load-on-host.ts'
import type { Hygiene } from './variant.ts'
import type { VariantName } from './variants/variants.ts'

export interface HostOptions {
  readonly variant: VariantName
  readonly hygiene: Hygiene
}

export interface Comparison extends Omit<Load, 'port'> {
  readonly id: string
  readonly contestants: readonly string[]
  readonly rounds: number
  readonly warmUpRounds: number
  readonly progress: (text: string) => void
}

/** Servers under test, side by side over one database, and the process that loads them in turn. */
export class HostField implements AsyncDisposable {
  readonly #database: Database
  readonly #load = new MeasuredProcess<LoadCalls>('load-process')
  readonly #hosts = new Map<string, Host>()

  constructor(database: Database) {
    this.#database = database
  }

  async open(hosts: Readonly<Record<string, HostOptions>>, poolMax: number): Promise<void> {
    const opening = Object.entries(hosts).map(async ([name, { variant, hygiene }]) => {
      const process: Host['process'] = new MeasuredProcess('host-process')
      const { url } = this.#database
      const port = await process.call('open', {
        variant,
        hygiene,
        url,
        poolMax,
        framework: 'Express',
        applicationName: name,
      })
      this.#hosts.set(name, { process, port })
    })
    await Promise.all(opening)
  }

  /** So that what is compiled and what is connected later is there. */
  async warmUp(what: Pick<Load, 'path' | 'callers'>, progress: (text: string) => void): Promise<void> {
    for (const [name, host] of this.#hosts) {
      progress(`warming up: ${name}`)
      await warmUp(this.#load, host, what)
    }
  }

  compare({ id, contestants, rounds, warmUpRounds, progress, ...what }: Comparison): Promise<CaseResult> {
    return alternate({
      id,
      contestants: contestants.map((name) => ({
        name,
        measure: async () => ({
          ...(await loadOnHost(this.#load, this.#hosts.get(name) as Host, what)),
          connections: await this.#database.sessions(name),
        }),
      })),
      rounds,
      warmUpRounds,
      progress,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      [this.#load, ...Array.from(this.#hosts.values(), ({ process }) => process)].map((each) => each.end()),
    )
  }
}
