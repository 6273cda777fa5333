import { type StampMissedCause, type StampMissedMessage, stampMissed } from '../diagnostics/stamp-events.ts'
import type { Scope } from '../scope/scope.ts'
import { WriteLog } from '../scope/write-log.ts'
import { within } from '../util/within.ts'
import type { WriteStampStore } from './read-from-replicas.ts'
import type { ReplicaReads } from './replica-reads.ts'
import { requestName } from './request-name.ts'
import type { RequestParts } from './request-options.ts'
import { type HeaderLine, SignedStamps } from './signed-stamps.ts'

export interface ClientWritesOptions<R> {
  /** `id` of the Sharding, for events. */
  readonly sharding: string
  readonly reads: ReplicaReads<R>
  readonly req: R
  readonly parts: RequestParts
  /** Whether the request came by TLS. */
  readonly isSecure: boolean
}

/** A process whose clock is ahead by more is not believed. */
const SKEW_MS = 10_000
const STORE_LIMIT_MS = 1000

/** What the client of one request has written, before and in this request, and how that is kept for its next one. */
export class ClientWrites<R = unknown> {
  /** Decides where reading scopes of the request read. */
  readonly log: WriteLog
  readonly #options: ClientWritesOptions<R>
  /** Whether a store says that a shard was written to. */
  readonly #answers = new Map<string, boolean>()
  /** Written to by this request. */
  readonly #written = new Set<string>()
  /** Shards on which its scopes may write. */
  readonly #writing = new Set<string>()
  #isHandled = false
  #areHeadersSent = false
  #tenant: string | undefined

  constructor(options: ClientWritesOptions<R>) {
    this.#options = options
    this.log = new WriteLog({
      remembers: options.reads.stamps !== undefined,
      before: (shard) => this.#before(shard),
      onBegun: (shard) => this.#written.add(shard),
      onEnded: (shard) => this.#ended(shard),
    })
  }

  /** Before a scope of the request is entered. Never fails; a promise only where a store has to be asked. */
  entering({ shard, role, tenant }: Scope): undefined | Promise<void> {
    this.#tenant = tenant
    if (role === 'writing') this.#writing.add(shard)
    const { stamps } = this.#options.reads
    if (stamps === undefined || stamps instanceof SignedStamps) return undefined
    // Who is about to write there need not wait for it.
    return role === 'reading' ? this.#ask(stamps, shard) : undefined
  }

  #before(shard: string): boolean {
    const { reads, parts } = this.#options
    if (reads.stamps instanceof SignedStamps) return this.#isRecent(reads.stamps.lastWrite(parts, shard))
    // What no store has been asked may be so.
    return this.#answers.get(shard) ?? true
  }

  /** The request's handler has come to its end. */
  handled(): void {
    this.#isHandled = true
  }

  /** The headers of the answer are about to be sent: what has to go with them. */
  answering(isComplete: boolean): readonly HeaderLine[] {
    this.#areHeadersSent = true
    const { reads, isSecure } = this.#options
    const { stamps } = reads
    if (!(stamps instanceof SignedStamps)) return []
    // Of an answer that goes on nobody knows what its handler will still write.
    const shards =
      isComplete || this.#isHandled ? this.#written : new Set([...this.#written, ...this.#writing])
    return [...shards].flatMap((shard) => stamps.headersFor(shard, Date.now(), isSecure))
  }

  async #ask(store: WriteStampStore<R>, shard: string): Promise<void> {
    try {
      const asked = async () => store.lastWrite(this.#options.req, shard)
      this.#answers.set(shard, this.#isRecent(await within(STORE_LIMIT_MS, asked())))
    } catch (error) {
      this.#missed(shard, 'not-asked', error)
    }
  }

  #isRecent(at: number | undefined | null): boolean {
    if (at === undefined || at === null) return false
    const age = Date.now() - at
    return age < this.#options.reads.windowMs && age >= -SKEW_MS
  }

  #ended(shard: string): void | Promise<void> {
    const { stamps } = this.#options.reads
    if (stamps === undefined) return
    if (!(stamps instanceof SignedStamps)) return this.#store(stamps, shard)
    if (this.#areHeadersSent) this.#missed(shard, 'headers-sent')
  }

  async #store(store: WriteStampStore<R>, shard: string): Promise<void> {
    const { req, reads } = this.#options
    try {
      const stored = async () => store.wrote(req, shard, Date.now(), reads.windowMs)
      await within(STORE_LIMIT_MS, stored())
    } catch (error) {
      this.#missed(shard, 'not-stored', error)
    }
  }

  #missed(shard: string, cause: StampMissedCause, error?: unknown): void {
    if (!stampMissed.hasSubscribers) return
    const { sharding, parts } = this.#options
    const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown }
    const holder = requestName(parts, this.#tenant)
    stampMissed.publish({
      ...{ sharding, shard, cause, holder },
      ...(error === undefined ? {} : { code: String(code ?? name) }),
    } satisfies StampMissedMessage)
  }
}
