import { scaled } from '@sherd/local-servers/test-scale'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CircuitBreaker, type Permit } from '../../src/breaker/circuit-breaker.ts'
import type { BreakerConfig } from '../../src/config/resolved-config.ts'
import type { BreakerStateName } from '../../src/diagnostics/breaker-events.ts'
import { SteppedClock } from '../support/stepped-clock.ts'

interface Outcome {
  readonly at: number
  readonly isSuccess: boolean
  readonly isProof: boolean
}

/** Something that was begun, with the real permit and with how often the breaker had changed by then. */
interface Begun {
  readonly permit: Permit
  readonly epoch: number
}

/** A breaker that remembers everything and works all out anew each time. Only the moment of a probe is taken from the real one. */
class Model {
  kind: BreakerStateName = 'closed'
  epoch = 0
  isConnected = false
  wasClosed = true
  holders = 0
  readonly begun: Begun[] = []
  readonly config: BreakerConfig
  #outcomes: Outcome[] = []

  constructor(config: BreakerConfig) {
    this.config = config
  }

  become(kind: BreakerStateName): void {
    this.kind = kind
    this.epoch++
    this.#outcomes = []
  }

  /** The last thing that was begun with this number that still counts. */
  counts({ epoch }: Begun): boolean {
    return epoch === this.epoch && this.kind !== 'open' && this.kind !== 'isolated'
  }

  note(outcome: Outcome): void {
    if (this.kind === 'half-open') {
      this.become(outcome.isSuccess ? 'closed' : 'open')
      return
    }
    this.#outcomes.push(outcome)
    if (!outcome.isSuccess && outcome.isProof && this.#isDown(outcome.at)) this.become('open')
  }

  /** When the run of failures trips by itself. */
  get dueAt(): number | undefined {
    const run = this.#run()
    if (this.kind !== 'closed' || run.length < 2 || !run.some(({ isProof }) => isProof)) return undefined
    return (run[0] as Outcome).at + this.config.failingMs
  }

  #isDown(now: number): boolean {
    const { failures, failurePercent, minOutcomes, windowMs } = this.config
    const proofs = this.#run().filter(({ isProof }) => isProof)
    if (!this.isConnected && proofs.length >= failures) return true
    if (this.dueAt !== undefined && now >= this.dueAt) return true
    const slot = (at: number) => Math.floor(at / (windowMs / 10))
    const counted = this.#outcomes.filter(({ isSuccess, isProof }) => isSuccess || isProof)
    const recent = counted.filter(({ at }) => slot(at) > slot(now) - 10)
    const failed = recent.filter(({ isSuccess }) => !isSuccess).length
    return (
      failurePercent !== null &&
      recent.length >= minOutcomes &&
      failed / recent.length >= failurePercent / 100
    )
  }

  #run(): Outcome[] {
    const run: Outcome[] = []
    for (const outcome of this.#outcomes.toReversed()) {
      const next = run[0]
      if (outcome.isSuccess || (next !== undefined && next.at - outcome.at > 10_000)) break
      run.unshift(outcome)
    }
    return run
  }
}

class Real {
  readonly clock = new SteppedClock()
  readonly breaker: CircuitBreaker
  readonly changes: { readonly to: BreakerStateName; readonly at: number }[] = []
  readonly releases: (() => void)[] = []
  readonly probes: Permit[] = []

  constructor(config: BreakerConfig, model: Model, random: number) {
    const { clock } = this
    this.breaker = new CircuitBreaker({
      config,
      clock,
      deadlines: clock.deadlines,
      random: () => random,
      isConnected: () => model.isConnected,
      probe: (permit) => this.probes.push(permit),
      onChange: ({ to }) => this.changes.push({ to, at: clock.now() }),
    })
  }
}

abstract class Step implements fc.Command<Model, Real> {
  check(): boolean {
    return true
  }

  run(model: Model, real: Real): void {
    real.changes.length = 0
    this.act(model, real)
    expect(real.breaker.name).toBe(model.kind)
    expect(real.breaker.isClosed).toBe(model.kind === 'closed')
    expect(real.breaker.admit() !== undefined).toBe(model.kind === 'closed')
    // A probe or the end of a run is planned, and nothing else; never two of them.
    const planned = real.clock.deadlines.size
    expect(planned).toBeLessThanOrEqual(model.kind === 'closed' || model.kind === 'open' ? 1 : 0)
    if (model.kind === 'open') expect(planned).toBe(1)
  }

  toString(): string {
    return `${this.constructor.name}(${Object.values(this).join(', ')})`
  }

  abstract act(model: Model, real: Real): void
}

class Begin extends Step {
  act(model: Model, { breaker }: Real): void {
    const permit = breaker.admit()
    if (permit !== undefined) model.begun.push({ permit, epoch: model.epoch })
  }
}

class End extends Step {
  readonly index: number
  readonly how: 'success' | 'proof' | 'loss' | 'nothing'

  constructor(index: number, how: End['how']) {
    super()
    this.index = index
    this.how = how
  }

  act(model: Model, { breaker, clock }: Real): void {
    // Newest first: those that still count are reached more often.
    const begun = model.begun.at(-1 - (this.index % Math.max(1, model.begun.length)))
    if (begun === undefined) return
    const { how } = this
    const counts = model.counts(begun)
    if (how === 'success') breaker.succeeded(begun.permit)
    else if (how === 'nothing') breaker.ended(begun.permit)
    else breaker.failed(begun.permit, { error: how, isProof: how === 'proof' })
    if (!counts) return
    if (how !== 'nothing')
      model.note({ at: clock.now(), isSuccess: how === 'success', isProof: how === 'proof' })
    else if (model.kind === 'half-open') model.become('open')
  }
}

class Advance extends Step {
  readonly ms: number

  constructor(ms: number) {
    super()
    this.ms = ms
  }

  act(model: Model, real: Real): void {
    const { clock, changes, probes } = real
    const from = clock.now()
    clock.advance(this.ms)
    const { dueAt } = model
    if (dueAt !== undefined && dueAt > from && dueAt <= clock.now()) {
      expect(changes.shift()).toEqual({ to: 'open', at: dueAt })
      model.become('open')
    }
    if (model.kind === 'open' && changes.length > 0) {
      expect(changes.shift()?.to).toBe('half-open')
      model.become('half-open')
      model.begun.push({ permit: probes.at(-1) as Permit, epoch: model.epoch })
    }
    expect(changes).toEqual([])
    // Rare probes of a database that nobody wants, with their jitter, come every ten intervals.
    if (this.ms > 10 * Math.max(model.config.probeIntervalMs, 300)) expect(model.kind).not.toBe('open')
  }
}

class TryProbe extends Step {
  act(model: Model, { breaker }: Real): void {
    const permit = breaker.tryProbe()
    expect(permit !== undefined).toBe(model.kind === 'open')
    if (permit === undefined) return
    model.become('half-open')
    model.begun.push({ permit, epoch: model.epoch })
  }
}

class Isolate extends Step {
  act(model: Model, { breaker, releases }: Real): void {
    releases.push(breaker.isolate())
    if (model.holders++ > 0) return
    model.wasClosed = model.kind === 'closed'
    model.become('isolated')
  }
}

class Release extends Step {
  act(model: Model, { releases }: Real): void {
    const release = releases.shift()
    if (release === undefined) return
    release()
    release()
    if (--model.holders === 0) model.become(model.wasClosed ? 'closed' : 'open')
  }
}

class Close extends Step {
  act(model: Model, { breaker }: Real): void {
    breaker.close()
    if (model.kind === 'isolated') model.wasClosed = true
    else if (model.kind !== 'closed') model.become('closed')
  }
}

class Connect extends Step {
  readonly isConnected: boolean

  constructor(isConnected: boolean) {
    super()
    this.isConnected = isConnected
  }

  act(model: Model): void {
    model.isConnected = this.isConnected
  }
}

const index = fc.oneof(fc.constant(0), fc.nat({ max: 6 }))
const commands = fc.commands(
  [
    fc.constant(new Begin()),
    index.map((i) => new End(i, 'success')),
    index.map((i) => new End(i, 'proof')),
    index.map((i) => new End(i, 'proof')),
    index.map((i) => new End(i, 'loss')),
    index.map((i) => new End(i, 'nothing')),
    fc.constantFrom(1, 90, 300, 1000, 4000, 11_000).map((ms) => new Advance(ms)),
    fc.constant(new TryProbe()),
    fc.constant(new Isolate()),
    fc.constant(new Release()),
    fc.constant(new Close()),
    fc.boolean().map((isConnected) => new Connect(isConnected)),
  ],
  { maxCommands: 40 },
)

const config = fc.record({
  failures: fc.integer({ min: 1, max: 4 }),
  failingMs: fc.constantFrom(100, 1000),
  failurePercent: fc.constantFrom(null, 30, 60),
  minOutcomes: fc.integer({ min: 2, max: 8 }),
  windowMs: fc.constantFrom(1000, 10_000),
  probeIntervalMs: fc.constantFrom(100, 900),
})

test('fault 22: whatever happens in whatever order, the breaker is as its model', () => {
  fc.assert(
    fc.property(config, fc.double({ min: 0, max: 0.999, noNaN: true }), commands, (config, random, steps) => {
      const model = new Model(config)
      fc.modelRun(() => ({ model, real: new Real(config, model, random) }), steps)
    }),
    { numRuns: scaled(100_000) },
  )
})
