/** Something that takes turns, as long as it serves. */
export interface Candidate {
  /** Whether it may have a turn at `now`. */
  serves(now: number): boolean
}

interface Entry<C> {
  readonly candidate: C
  readonly weight: number
  /** How much it is owed, in turns times the sum of the weights. */
  current: number
  isAdmitted: boolean
}

/**
 * Whose turn it is among those that serve: smooth weighted round robin, as nginx spreads requests over its upstreams
 * (https://github.com/nginx/nginx/commit/52327e0627f49dbda1e8db695e63a4b0af4448b1). Each turn owes everybody his weight,
 * and whoever is owed most has it and pays the sum: of weights 3 and 1 comes a a b a, never a a a b.
 *
 * As long as the same ones serve, any turns in a row as many as the sum of their weights give each exactly his weight.
 * When others serve, it begins anew, so that nobody who comes back is owed the turns that he has missed.
 */
export class ReplicaChoice<C extends Candidate> {
  readonly #entries: readonly Entry<C>[]

  /** Who has the weight 0 has no turn. */
  constructor(weights: Iterable<readonly [candidate: C, weight: number]>) {
    this.#entries = Array.from(weights, ([candidate, weight]) => {
      return { candidate, weight, current: 0, isAdmitted: false }
    }).filter(({ weight }) => weight > 0)
  }

  /** Those who may have a turn, in the order in which they were given. */
  get candidates(): readonly C[] {
    return this.#entries.map(({ candidate }) => candidate)
  }

  /** Whose turn it is; undefined while nobody serves. */
  next(now: number): C | undefined {
    this.#admit(now)
    let best: Entry<C> | undefined
    let total = 0
    for (const entry of this.#entries) {
      if (!entry.isAdmitted) continue
      entry.current += entry.weight
      total += entry.weight
      if (best === undefined || entry.current > best.current) best = entry
    }
    if (best === undefined) return undefined
    best.current -= total
    return best.candidate
  }

  #admit(now: number): void {
    let isChanged = false
    for (const entry of this.#entries) {
      const isAdmitted = entry.candidate.serves(now)
      if (isAdmitted !== entry.isAdmitted) isChanged = true
      entry.isAdmitted = isAdmitted
    }
    if (isChanged) for (const entry of this.#entries) entry.current = 0
  }
}
