import { scaled } from '@sherd/local-servers/test-scale'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ResourcePoolOptions } from '../../src/resources/resource-pool-options.ts'
import { type Deferred, deferred } from '../support/deferred.ts'
import { type Producer, resourcesOf } from '../support/resources-of.ts'
import { settled } from '../support/settled.ts'

/** Something that was begun, and ends as the test says. */
interface Pending extends Deferred {
  readonly index: number
}

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('use'), fails: fc.boolean(), aborts: fc.boolean() }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('transaction'), fails: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('create'), which: fc.nat(5), ok: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('destroy'), which: fc.nat(5), ok: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('end'), which: fc.nat(9), breaks: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('lose'), which: fc.nat(9) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('advance'), ms: fc.constantFrom(10, 60, 600, 1500) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'reload' } as const) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('close'), force: fc.boolean() }) },
)

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** What is true of the indexes of a pool's resources, whatever happens to them. It knows nothing of how they are given. */
class Run {
  readonly creating: Pending[] = []
  readonly destroying: Pending[] = []
  /** By index: from the moment in which it is asked for until nothing of it is left. */
  readonly alive = new Set<number>()
  readonly using: { readonly producer: Producer; readonly end: Deferred }[] = []
  readonly losses: (() => void)[] = []
  readonly work: Promise<unknown>[] = []
  readonly held = new Set<Producer>()
  readonly violations: string[] = []
  readonly #size: number
  readonly #test: ReturnType<typeof resourcesOf>

  constructor(size: number) {
    this.#size = size
    const hooks: Partial<ResourcePoolOptions<Producer, string>> = {
      create: async (index, { lost }) => {
        // Thrown here it would be a create that failed.
        if (this.alive.has(index)) this.violations.push(`index ${index} is that of two resources`)
        if (!(index >= 0 && index < size)) this.violations.push(`index ${index} of ${size}`)
        this.alive.add(index)
        const pending = { index, ...deferred() }
        this.creating.push(pending)
        try {
          await pending.promise
        } catch (error) {
          this.alive.delete(index)
          throw error
        }
        this.losses.push(lost)
        return { index, number: 0, log: [] as string[], isValid: true }
      },
      destroy: async ({ index }) => {
        const pending = { index, ...deferred() }
        this.destroying.push(pending)
        try {
          await pending.promise
        } finally {
          this.alive.delete(index)
        }
      },
      validate: ({ isValid }) => isValid,
      rollback: ({ isValid }) => {
        if (!isValid) throw new Error('it cannot be rolled back')
      },
      createTimeoutMs: 400,
      destroyTimeoutMs: 400,
    }
    this.#test = resourcesOf({ size, timeoutMs: 1000, ...hooks })
  }

  async do(next: Step): Promise<void> {
    const { pool, clock } = this.#test
    switch (next.kind) {
      case 'use':
      case 'transaction': {
        const controller = new AbortController()
        const fn = async (producer: Producer) => {
          expect(this.held.has(producer), 'each resource has one user').toBe(false)
          expect(this.alive.has(producer.index), 'what is lent is alive').toBe(true)
          this.held.add(producer)
          const end = deferred()
          this.using.push({ producer, end })
          await end.promise.finally(() => this.held.delete(producer))
          if (next.fails) throw new Error('the user failed')
        }
        const work = next.kind === 'use' ? pool.with(fn, { signal: controller.signal }) : pool.transaction(fn)
        this.work.push(work.catch(rethrowAssertions))
        if ('aborts' in next && next.aborts) controller.abort()
        break
      }
      case 'create':
      case 'destroy': {
        const list = next.kind === 'create' ? this.creating : this.destroying
        const [pending] = list.splice(next.which % Math.max(1, list.length), 1)
        if (next.ok) pending?.resolve()
        else pending?.reject(new Error(`${next.kind} failed`))
        break
      }
      case 'end': {
        const [use] = this.using.splice(next.which % Math.max(1, this.using.length), 1)
        if (use !== undefined && next.breaks) use.producer.isValid = false
        use?.end.resolve()
        break
      }
      case 'lose':
        this.losses[next.which % Math.max(1, this.losses.length)]?.()
        break
      case 'advance':
        await clock.advance(next.ms)
        break
      case 'reload':
        this.work.push(pool.reload().catch(rethrowAssertions))
        break
      case 'close':
        this.work.push(pool.close({ force: next.force }))
    }
    await settled()
    this.#check()
  }

  #check(): void {
    expect(this.violations).toEqual([])
    const { total, active, idle } = this.#test.pool.stats()
    expect(this.alive.size, 'never more than size').toBeLessThanOrEqual(this.#size)
    expect(total).toBe(active + idle)
  }

  /** Lets everything end: nothing is left then, and all that was asked for is answered. */
  async finish(): Promise<void> {
    const { pool, clock } = this.#test
    const closed = pool.close({ deadlineMs: 5000 })
    for (let rounds = 0; rounds < 40; rounds++) {
      for (const pending of [...this.creating.splice(0), ...this.destroying.splice(0)]) pending.resolve()
      for (const { end } of this.using.splice(0)) end.resolve()
      await clock.advance(200)
    }
    await closed
    await Promise.all(this.work)
    this.#check()
    expect([...this.alive], 'nothing is left').toEqual([])
    expect(pool.stats()).toMatchObject({ total: 0, waiting: 0 })
  }
}

function rethrowAssertions(error: unknown): void {
  if (error instanceof Error && error.name === 'AssertionError') throw error
}

test('whatever fails, times out, is reloaded or closed, no two live resources have one index', async () => {
  const emitWarning = process.emitWarning
  process.emitWarning = () => {}
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.array(step, { maxLength: 50 }),
        async (size, steps) => {
          const run = new Run(size)
          for (const next of steps) await run.do(next)
          await run.finish()
        },
      ),
      { numRuns: scaled(10_000) },
    )
  } finally {
    process.emitWarning = emitWarning
  }
}, 600_000)
