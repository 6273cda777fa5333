import type { MigrationOutcome } from '../../errors.ts'
import { SlidingWindow } from '../../fan-out/sliding-window.ts'

type SkipReason = Extract<MigrationOutcome, { status: 'skipped' }>['reason']

export interface MigrationRunOptions<S> {
  /** In the order in which they begin. */
  readonly shards: readonly S[]
  readonly concurrency: number
  /** How many shards of one server run at a time. */
  readonly serverLimit: (server: string) => number
  readonly serverOf: (shard: S) => string
  /** Goes first, by itself. */
  readonly canary: S | undefined
  readonly onError: 'stop' | 'continue'
  readonly signal: AbortSignal | undefined
  /** Why nothing is begun at all. */
  readonly stopped: SkipReason | undefined
  /** Never rejects. */
  readonly migrate: (shard: S) => Promise<MigrationOutcome>
  /** Called once for each shard, when something has become of it. */
  readonly onOutcome: (shard: S, outcome: MigrationOutcome) => void
}

/** Who begins when, and who does not any more. */
export class MigrationRun<S> {
  readonly #options: MigrationRunOptions<S>
  readonly #done = new Set<S>()
  #running = 0
  #stopped: SkipReason | undefined
  #resolve: () => void = () => {}

  constructor(options: MigrationRunOptions<S>) {
    this.#options = options
    this.#stopped = options.signal?.aborted ? 'aborted' : options.stopped
  }

  /** Settles when something has become of each shard. */
  async settle(): Promise<void> {
    const { shards, canary, signal } = this.#options
    if (canary !== undefined && this.#stopped === undefined) {
      if ((await this.#migrate(canary)) === 'failed') this.#stopped = 'canary'
      else if (signal?.aborted) this.#stopped = 'aborted'
    }
    if (this.#stopped === undefined) await this.#migrateAll(shards.filter((shard) => shard !== canary))
    for (const shard of shards) if (!this.#done.has(shard)) this.#skip(shard, this.#stopped as SkipReason)
  }

  #migrateAll(shards: readonly S[]): Promise<void> {
    const { concurrency, serverLimit, serverOf, signal, onError } = this.#options
    let left = shards.length
    const settled = new Promise<void>((resolve) => {
      this.#resolve = resolve
    })
    const window = new SlidingWindow(shards, {
      limit: concurrency,
      limitPerGroup: serverLimit,
      groupOf: serverOf,
      start: async (shard) => {
        this.#running++
        const status = await this.#migrate(shard)
        this.#running--
        left--
        if (status === 'failed' && onError === 'stop') stop('stopped')
        if (left === 0 || (this.#stopped !== undefined && this.#running === 0)) this.#resolve()
      },
    })
    const stop = (reason: SkipReason) => {
      this.#stopped ??= reason
      window.shut()
    }
    const onAbort = () => stop('aborted')
    signal?.addEventListener('abort', onAbort)
    window.fill()
    if (left === 0) this.#resolve()
    return settled.finally(() => signal?.removeEventListener('abort', onAbort))
  }

  async #migrate(shard: S): Promise<MigrationOutcome['status']> {
    const outcome = await this.#options.migrate(shard)
    this.#tell(shard, outcome)
    return outcome.status
  }

  #skip(shard: S, reason: SkipReason): void {
    const migrations = Object.freeze([])
    this.#tell(shard, Object.freeze({ status: 'skipped', reason, migrations, batch: null, durationMs: 0 }))
  }

  #tell(shard: S, outcome: MigrationOutcome): void {
    this.#done.add(shard)
    this.#options.onOutcome(shard, outcome)
  }
}
