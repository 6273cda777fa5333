import type { ProbeOutcome } from '../pool/probe-outcome.ts'
import type { Clock } from '../util/clock.ts'
import { eachLimited } from '../util/each-limited.ts'
import { within } from '../util/within.ts'
import type { ProbeLimits } from './health-options.ts'

/** A server that may be asked. */
export interface Probed {
  readonly id: string
  probe(timeoutMs: number): Promise<ProbeOutcome>
}

/** By id. */
export type ProbeOutcomes = ReadonlyMap<string, ProbeOutcome>

/** Servers that are asked at once: connections to all of a thousand shards would be a storm. */
const AT_ONCE = 32

/**
 * Asks servers for signs of life, each at most once at a time and all within one limit, however many ask for that and
 * however often.
 */
export class ProbeRounds {
  readonly #clock: Clock
  #last: { readonly endedAt: number; readonly outcomes: ProbeOutcomes } | undefined
  #round: Promise<ProbeOutcomes> | undefined
  /** Where the next round begins, so that each server has its turn though time is short. */
  #first = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  outcomes(
    servers: readonly Probed[],
    { timeoutMs, maxAgeMs }: Required<ProbeLimits>,
  ): Promise<ProbeOutcomes> {
    if (this.#last !== undefined && this.#clock.now() - this.#last.endedAt < maxAgeMs)
      return Promise.resolve(this.#last.outcomes)
    this.#round ??= this.#ask(servers, timeoutMs).finally(() => {
      this.#round = undefined
    })
    return this.#round
  }

  async #ask(servers: readonly Probed[], timeoutMs: number): Promise<ProbeOutcomes> {
    const until = this.#clock.now() + timeoutMs
    const first = this.#first % servers.length || 0
    const inTurn = [...servers.slice(first), ...servers.slice(0, first)]
    const outcomes = await eachLimited(inTurn, AT_ONCE, async (server): Promise<[string, ProbeOutcome]> => {
      const leftMs = until - this.#clock.now()
      if (leftMs < 1) return [server.id, { kind: 'skipped', reason: 'no time' }]
      this.#first++
      return [server.id, await boundedProbe(server, leftMs)]
    })
    const found = new Map(outcomes)
    this.#last = { endedAt: this.#clock.now(), outcomes: found }
    return found
  }
}

function boundedProbe(server: Probed, timeoutMs: number): Promise<ProbeOutcome> {
  return within(timeoutMs, server.probe(timeoutMs)).catch(() => ({ kind: 'failed', cause: undefined }))
}
