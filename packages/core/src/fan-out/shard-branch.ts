import { CheckoutTimeoutError, type ShardingError } from '../errors.ts'
import type { Binding } from '../pool/binding.ts'
import type { Lane, Turn } from '../pool/lane.ts'
import type { OpenScope } from '../scope/open-scope.ts'
import type { Scope } from '../scope/scope.ts'
import { ScopeLife } from '../scope/scope-life.ts'
import { runBound } from '../scope/scope-storage.ts'
import { retryAfterSeconds } from '../util/retry-after.ts'
import type { FanOutParts } from './fan-out-parts.ts'

export interface ShardBranchOptions {
  readonly parts: FanOutParts
  readonly value: Scope
  readonly around: Binding<OpenScope> | undefined
  readonly checkoutTimeoutMs: number | undefined
  /**
   * On a connection that the scope around holds already: keep others off it until the branch has ended, so that cancelling
   * the branch can hit none of their queries.
   */
  readonly isExclusive: boolean
}

/**
 * One shard's part of a fan-out: a scope locked to that shard, with a life of its own, on the connection that the scope
 * around has for this shard, or else on one of the part of the pool that fan-outs may use.
 *
 * The invariant: it never waits for a connection of a pool of which the scope around holds one.
 */
export class ShardBranch {
  readonly #options: ShardBranchOptions
  readonly #life = new ScopeLife()
  readonly #ownsLease: boolean
  #binding: Binding<OpenScope>
  #refusal: ShardingError | undefined
  #leave: (() => Promise<void>) | undefined
  #leaveQueue: ((error: ShardingError) => void) | undefined
  #isOver = false

  constructor(options: ShardBranchOptions) {
    const { parts, value, around, checkoutTimeoutMs } = options
    this.#options = options
    const { binding, ownsLease } = parts.scopes.enter(value, around, {
      checkoutTimeoutMs,
      life: this.#life,
      allowFanOut: false,
      describe: () => 'a fan-out',
    })
    this.#binding = binding
    this.#ownsLease = ownsLease
    if (ownsLease) binding.rules.own(binding.lease)
    binding.rules.entered()
  }

  get signal(): AbortSignal {
    return this.#life.signal
  }

  /** Tells code in the branch that nobody waits for it, and lets it go on. */
  abort(reason: unknown): void {
    this.#life.abort(reason)
  }

  /** Takes the connection. Rejects as checking out does, and with what the branch was cancelled with. */
  async connect(): Promise<void> {
    if (this.#ownsLease) await this.#takeOwn()
    else await this.#shareOuter()
    if (this.#refusal !== undefined) {
      this.end()
      throw this.#refusal
    }
  }

  /** Runs `fn` in the branch's scope. */
  run<T>(fn: () => T): T {
    return runBound(this.#binding, fn)
  }

  /** Stops what runs on the server, refuses what comes, and ends; settles when the server has stopped. */
  async cancel(error: ShardingError): Promise<void> {
    if (this.#isOver) return
    this.#refusal = error
    this.abort(error)
    this.#leaveQueue?.(error)
    const { lease, rules } = this.#binding
    const mayHitOthers = !this.#ownsLease && this.#options.isExclusive && this.#leave === undefined
    const stopped = mayHitOthers ? undefined : lease.cancelRunning()
    rules.cancelRunning()
    this.end()
    await stopped
  }

  /** Gives everything back, whatever the branch has left open. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    const { lease, rules } = this.#binding
    const ended = rules.end()
    this.#leaveQueue?.(ended())
    lease.abandonWork(rules, ended())
    // Refused where the connection has been taken from all of them meanwhile: then there is nothing to leave.
    void this.#leave?.()?.catch(() => {})
  }

  /** From the part of the pool that fan-outs may use. */
  async #takeOwn(): Promise<void> {
    const { parts, checkoutTimeoutMs } = this.#options
    const { lease, rules } = this.#binding
    const { endpoint } = rules.endpoint
    const timeoutMs = checkoutTimeoutMs ?? endpoint.pool.checkoutTimeoutMs
    const startedAt = performance.now()
    const budget = parts.budgets.of(endpoint)
    const place = budget.take()
    if (place !== undefined) await this.#wait(place, timeoutMs, budget.size)
    if (this.#isOver) return budget.giveBack()
    this.#leave = async () => budget.giveBack()
    await lease.checkout(Math.max(1, timeoutMs - (performance.now() - startedAt)))
  }

  #wait(
    { taken, leave }: { readonly taken: Promise<void>; leave(): boolean },
    timeoutMs: number,
    size: number,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.#leaveQueue?.(this.#budgetError(timeoutMs, size)),
        timeoutMs,
      ).unref()
      this.#leaveQueue = (error) => {
        // False where the part has been handed over in this very instant: it is given back below.
        if (leave()) reject(error)
      }
      void taken.then(() => {
        clearTimeout(timer)
        this.#leaveQueue = undefined
        resolve()
      })
    })
  }

  /** The place of the scope around, for as long as the branch lasts. */
  async #shareOuter(): Promise<void> {
    const { lease, lane } = this.#binding
    if (lease.isHeld && !this.#options.isExclusive) return
    const wasHeld = lease.isHeld
    if (!this.#options.isExclusive) {
      await lease.checkout()
      this.#leave = async () => this.#handBack(lane)
      return
    }
    const inner = lane.inner()
    const turn: Turn = { holder: 'a fan-out', inner }
    await lease.enter(lane, turn, () => {
      this.#leave = async () => {
        // Whoever still has a turn inside, such as a transaction on its way back, has it to the end.
        await inner.enter({ holder: 'the end of a fan-out', inner: undefined })
        inner.close(this.#binding.rules.ended ?? (() => this.#refusal as ShardingError))
        lease.leave(lane, turn)
        if (!wasHeld) this.#handBack(lane)
      }
      if (this.#isOver) void this.#leave().catch(() => {})
    })
    this.#binding = this.#binding.inside(inner)
  }

  /** What was not held before is not kept: whoever holds nothing never waits for one connection with another in hand. */
  #handBack(lane: Lane): void {
    void this.#binding.lease.release(lane).catch(() => {})
  }

  #budgetError(timeoutMs: number, size: number): CheckoutTimeoutError {
    const { shard } = this.#binding.rules
    return new CheckoutTimeoutError(
      `No connection to shard "${shard}" within ${timeoutMs} ms: other fan-outs have had all ${size} that they may take ` +
        'of it. Raise pool.max or checkoutTimeoutMs, or run fewer of them at once.',
      { shard, retryAfter: retryAfterSeconds(1000, Math.random) },
    )
  }
}
