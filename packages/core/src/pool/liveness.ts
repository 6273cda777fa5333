import type { PoolConfig } from '../config/resolved-config.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadline, Deadlines } from '../util/deadlines.ts'
import type { PoolCounts } from './pool-counts.ts'
import type { Pooled } from './pooled.ts'
import type { ResourceDriver } from './resource-driver.ts'

export interface LivenessOptions<R> {
  readonly driver: ResourceDriver<R>
  readonly limits: PoolConfig
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly counts: PoolCounts
  readonly onAlive: (pooled: Pooled<R>) => void
  /** It did not answer, or said no; it was asked at `askedAt`. */
  readonly onDead: (pooled: Pooled<R>, askedAt: number) => void
}

/**
 * Asks resources whether they still answer, after they have rested for `pingAfterIdleMs`: a failover or a firewall may
 * have cut them off without a word. What was used a moment ago is lent without asking.
 */
export class Liveness<R> {
  readonly #options: LivenessOptions<R>
  readonly #asked = new Map<Pooled<R>, Question>()
  #probes = 0
  #isInDoubt = false

  constructor(options: LivenessOptions<R>) {
    this.#options = options
  }

  /** Resources that are being asked and will, as far as one knows, be of use in an instant. */
  get expected(): number {
    return this.#isInDoubt ? 0 : this.#asked.size - this.#probes
  }

  /** Whether it must be asked before it is lent. */
  isDue({ provenAt }: Pooled<R>, now: number): boolean {
    const { pingAfterIdleMs } = this.#options.limits
    if (pingAfterIdleMs === null || this.#options.driver.ping === undefined) return false
    return now - provenAt > pingAfterIdleMs
  }

  /** Something broke: whatever has shown no sign of life since `moment` may be broken, too. */
  doubts({ provenAt }: Pooled<R>, moment: number): boolean {
    const { driver, limits } = this.#options
    return limits.pingAfterIdleMs !== null && driver.ping !== undefined && provenAt <= moment
  }

  /** Nobody should count on what is being asked until one of them has answered. */
  loseFaith(): void {
    this.#isInDoubt = true
  }

  /** With `onAnswer` it is a probe, which nobody waits for who wants a resource. */
  ask(pooled: Pooled<R>, onAnswer?: (isAlive: boolean) => void): void {
    const { driver, limits, clock, deadlines, counts } = this.#options
    const askedAt = clock.now()
    const answered = (isAlive: boolean) => this.#answered(pooled, isAlive, askedAt)
    const question: Question = {
      deadline: askedAt + limits.pingTimeoutMs,
      expire: () => answered(false),
      onAnswer,
    }
    this.#asked.set(pooled, question)
    if (onAnswer !== undefined) this.#probes++
    deadlines.add(question)
    pooled.state = 'asked'
    counts.pingCount++
    driver.ping?.(pooled.resource).then(
      () => answered(true),
      () => answered(false),
    )
  }

  #answered(pooled: Pooled<R>, isAlive: boolean, askedAt: number): void {
    const { deadlines, counts, clock, onAlive, onDead } = this.#options
    const question = this.#asked.get(pooled)
    // Too late: it counts as dead already.
    if (question === undefined) return
    this.#asked.delete(pooled)
    if (question.onAnswer !== undefined) this.#probes--
    deadlines.delete(question)
    this.#isInDoubt = !isAlive
    if (isAlive) {
      pooled.provenAt = clock.now()
      onAlive(pooled)
    } else {
      counts.pingFailureCount++
      onDead(pooled, askedAt)
    }
    question.onAnswer?.(isAlive)
  }
}

interface Question extends Deadline {
  readonly onAnswer: ((isAlive: boolean) => void) | undefined
}
