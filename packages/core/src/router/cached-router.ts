import type { RouterCacheConfig } from '../config/resolved-config.ts'
import { BoundedCache } from '../util/bounded-cache.ts'
import type { Clock } from '../util/clock.ts'

/** Asks for the shard of a tenant; undefined means that the tenant is unknown. */
export type AskForShard = (tenant: string) => Promise<string | undefined>

/**
 * Remembers the answers of a strategy that has to ask somebody.
 *
 * - Callers who ask for the same tenant at the same time share one call.
 * - Unknown tenants are remembered apart from known ones, so that a flood of invented ids evicts nobody.
 * - A failure is remembered by nobody: the next caller asks again.
 * - What is remembered is answered at once, without a promise.
 */
export class CachedRouter {
  readonly #ask: AskForShard
  readonly #known: BoundedCache<string>
  readonly #unknown: BoundedCache<true>
  readonly #underWay = new Map<string, Promise<string | undefined>>()

  constructor(ask: AskForShard, { config, clock }: { config: RouterCacheConfig; clock: Clock }) {
    this.#ask = ask
    this.#known = new BoundedCache({ max: config.max, ttlMs: config.ttlMs, clock })
    this.#unknown = new BoundedCache({ max: config.maxUnknown, ttlMs: config.unknownTtlMs, clock })
  }

  find(tenant: string): string | undefined | Promise<string | undefined> {
    const shard = this.#known.get(tenant)
    if (shard !== undefined || this.#unknown.get(tenant)) return shard
    return this.#underWay.get(tenant) ?? this.#start(tenant)
  }

  /** What is held at the moment, for those who watch the memory. */
  get size(): { readonly known: number; readonly unknown: number; readonly underWay: number } {
    return { known: this.#known.size, unknown: this.#unknown.size, underWay: this.#underWay.size }
  }

  #start(tenant: string): Promise<string | undefined> {
    const answer = this.#ask(tenant)
      .then((shard) => {
        if (shard === undefined) this.#unknown.set(tenant, true)
        else this.#known.set(tenant, shard)
        return shard
      })
      .finally(() => this.#underWay.delete(tenant))
    this.#underWay.set(tenant, answer)
    return answer
  }
}
