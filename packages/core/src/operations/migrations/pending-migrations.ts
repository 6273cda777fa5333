import type { MigrationCheck } from '../../health/health-check.ts'
import type { MigrationCheckLimits } from '../../health/health-options.ts'
import { eachLimited } from '../../util/each-limited.ts'
import type { MigrationParts } from './migration-parts.ts'
import { readState, statusOf } from './read-status.ts'
import { type MigratedShard, migratedShards } from './shard-settings.ts'

/** Shards that are asked at once: connections to all of a thousand would be a storm. */
const AT_ONCE = 16

interface Answer {
  readonly count: number
  readonly at: number
}

/**
 * How many migrations have not run on each shard, for reports of health: each shard is asked at most once a round and once
 * in a while, however many ask for that.
 */
export class PendingMigrations implements MigrationCheck {
  readonly #parts: MigrationParts
  #answers: ReadonlyMap<string, Answer> = new Map()
  #round: Promise<void> | undefined

  constructor(parts: MigrationParts) {
    this.#parts = parts
  }

  async pending(limits: Required<MigrationCheckLimits>): Promise<ReadonlyMap<string, number>> {
    this.#round ??= this.#ask(limits).finally(() => {
      this.#round = undefined
    })
    await this.#round
    return new Map([...this.#answers].map(([shard, { count }]) => [shard, count]))
  }

  /** Something has run: what has been found out is history. */
  forget(): void {
    this.#answers = new Map()
  }

  async #ask({ timeoutMs, maxAgeMs }: Required<MigrationCheckLimits>): Promise<void> {
    const startedAt = performance.now()
    const shards = await migratedShards(this.#parts, {})
    const isDue = ({ shard: { name } }: MigratedShard) => {
      const at = this.#answers.get(name)?.at
      return at === undefined || startedAt - at >= maxAgeMs
    }
    // What is older counts no more.
    const answers = new Map([...this.#answers].filter(([, { at }]) => startedAt - at < maxAgeMs))
    const { signal, abort, done } = deadline(startedAt + timeoutMs)
    try {
      await eachLimited(shards.filter(isDue), AT_ONCE, async (migrated) => {
        if (signal.aborted || !this.#isFree(migrated)) return
        const checkoutTimeoutMs = Math.max(1, startedAt + timeoutMs - performance.now())
        const state = await Promise.race([
          readState(this.#parts, migrated, { checkoutTimeoutMs, signal }),
          abort,
        ])
        const status = state === undefined ? undefined : statusOf(migrated, state)
        if (status === undefined || status.status === 'unknown') return
        answers.set(migrated.shard.name, { count: status.pending.length, at: performance.now() })
      })
    } finally {
      done()
    }
    this.#answers = answers
  }

  /** Whether nobody could want the connection that it takes. */
  #isFree({ shard }: MigratedShard): boolean {
    const pool = this.#parts.pools.known(shard)[0]?.pool
    if (pool === undefined) return shard.primary.pool.max >= 2
    return pool.breaker.isClosed && pool.pool.spare >= 2
  }
}

function deadline(at: number) {
  const controller = new AbortController()
  let pass: (nothing: undefined) => void = () => {}
  const abort = new Promise<undefined>((resolve) => {
    pass = resolve
  })
  const timer = setTimeout(
    () => {
      controller.abort()
      pass(undefined)
    },
    Math.max(0, at - performance.now()),
  )
  return { signal: controller.signal, abort, done: () => clearTimeout(timer) }
}
