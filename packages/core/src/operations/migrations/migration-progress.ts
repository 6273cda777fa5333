import type { MigrationOutcome } from '../../errors.ts'
import type { MigrationProgress } from './migrate-options.ts'
import type { ShardWatcher } from './migrate-shard.ts'

type Happening<T = MigrationProgress> = T extends unknown
  ? Omit<T, 'shard' | 'doneCount' | 'totalCount'>
  : never

/** Tells somebody of a run, and counts the shards that are done. */
export class ProgressReport {
  readonly #tell: ((progress: MigrationProgress) => void) | undefined
  readonly #totalCount: number
  #doneCount = 0

  constructor(tell: ((progress: MigrationProgress) => void) | undefined, totalCount: number) {
    this.#tell = tell
    this.#totalCount = totalCount
  }

  started(shard: string): void {
    this.#report(shard, { type: 'shard-started' })
  }

  done(shard: string, outcome: MigrationOutcome): void {
    this.#doneCount++
    this.#report(shard, { type: 'shard-done', outcome })
  }

  watcher(shard: string): ShardWatcher {
    return {
      waitsForLock: () => this.#report(shard, { type: 'lock-waiting' }),
      begins: (migration) => this.#report(shard, { type: 'migration-started', migration }),
      done: (migration, durationMs) => this.#report(shard, { type: 'migration-done', migration, durationMs }),
    }
  }

  #report(shard: string, happening: Happening): void {
    const counts = { doneCount: this.#doneCount, totalCount: this.#totalCount }
    try {
      this.#tell?.({ shard, ...counts, ...happening })
    } catch (error) {
      process.emitWarning(`onProgress of migrate threw: ${error}`, 'ShardingWarning')
    }
  }
}
