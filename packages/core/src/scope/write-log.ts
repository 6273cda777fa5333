import type { WriteWatch } from '../pool/write-watch.ts'

export interface WriteLogOptions {
  /** Whether the same client has written to a shard just before: asked once for each. @default it has not */
  readonly before?: (shard: string) => boolean
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
  readonly #shards = new Map<string, boolean>()
  /** Written to by this one itself. */
  readonly #begun = new Set<string>()

  constructor(options: WriteLogOptions = {}) {
    this.#options = options
  }

  has(shard: string): boolean {
    const { remembers, before } = this.#options
    if (remembers === false) return false
    const known = this.#shards.get(shard) ?? before?.(shard) ?? false
    this.#shards.set(shard, known)
    return known
  }

  /** For one scope on that shard. */
  watch(shard: string): WriteWatch {
    const { onBegun, onEnded } = this.#options
    const ended = () => onEnded?.(shard)
    return {
      begun: () => {
        this.#shards.set(shard, true)
        this.#begun.add(shard)
        onBegun?.(shard)
      },
      ended,
      // Scopes inside of a transaction have watches of their own.
      committed: () => (this.#begun.has(shard) ? ended() : undefined),
    }
  }
}
