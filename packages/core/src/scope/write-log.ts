import type { WriteWatch } from '../pool/write-watch.ts'

export interface WriteLogOptions {
  /** Something that may write to a shard is about to run. */
  readonly onBegun?: (shard: string) => void
  /** It is over. Must not reject; awaited before the writer is told. */
  readonly onEnded?: (shard: string) => void | Promise<void>
  /** False: those who read may read what is older, whatever is written. @default true */
  readonly remembers?: boolean
}

/**
 * Which shards have been written to by a request, a job or an outermost `connectedTo`, with everything inside: who reads
 * one of them afterwards reads its primary, for replicas may not have it yet.
 */
export class WriteLog {
  readonly #options: WriteLogOptions
  readonly #shards = new Set<string>()

  constructor(options: WriteLogOptions = {}) {
    this.#options = options
  }

  has(shard: string): boolean {
    return this.#shards.has(shard)
  }

  /** It has been written to before, by the same client. */
  add(shard: string): void {
    if (this.#options.remembers !== false) this.#shards.add(shard)
  }

  /** For one scope on that shard. */
  watch(shard: string): WriteWatch {
    const { onBegun, onEnded } = this.#options
    let hasBegun = false
    const ended = () => onEnded?.(shard)
    return {
      begun: () => {
        hasBegun = true
        this.add(shard)
        onBegun?.(shard)
      },
      ended,
      committed: () => (hasBegun ? ended() : undefined),
    }
  }
}
