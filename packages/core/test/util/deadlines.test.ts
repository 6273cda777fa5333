import { AsyncLocalStorage } from 'node:async_hooks'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Deadline, Deadlines, TICK_MS } from '../../src/util/deadlines.ts'
import { settled } from '../support/settled.ts'

/** What vitest's timers say, shifted: with a fraction, as the process's clock has one, and by jumps. */
let shift: number
const clock = { now: () => Date.now() + shift }

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: 0 })
  shift = 0.4
})

afterEach(() => {
  vi.useRealTimers()
})

class Entry implements Deadline {
  readonly deadline: number
  readonly expiredAt: number[] = []
  afterStall: boolean | undefined
  readonly #then: () => void

  constructor(inMs: number, then: () => void = () => {}) {
    this.deadline = clock.now() + inMs
    this.#then = then
  }

  expire(afterStall: boolean): void {
    this.afterStall = afterStall
    this.expiredAt.push(clock.now())
    this.#then()
  }
}

test('without entries there is no timer', () => {
  new Deadlines(clock).tick()
  expect(vi.getTimerCount()).toBe(0)
})

test('one timer serves any number of entries', () => {
  const deadlines = new Deadlines(clock)
  for (let ms = 5000; ms > 0; ms--) deadlines.add(new Entry(ms))
  expect(vi.getTimerCount()).toBe(1)
  vi.advanceTimersByTime(2500)
  expect(vi.getTimerCount()).toBe(1)
  vi.advanceTimersByTime(2600)
  expect(vi.getTimerCount()).toBe(0)
})

test('the timer does not keep the process alive', () => {
  const deadlines = new Deadlines(clock)
  const set = vi.spyOn(globalThis, 'setTimeout')
  deadlines.add(new Entry(1000))
  vi.advanceTimersByTime(1000)
  deadlines.add(new Entry(1000))
  for (const { value } of set.mock.results) expect((value as NodeJS.Timeout).hasRef()).toBe(false)
  expect(set).toHaveBeenCalledTimes(2)
})

test('L10: the timer runs outside of the context of whoever added the entry', () => {
  const storage = new AsyncLocalStorage<string>()
  vi.useRealTimers()
  return new Promise<void>((resolve, reject) => {
    const entry = {
      deadline: performance.now(),
      expire: () => {
        if (storage.getStore() === undefined) resolve()
        else reject(new Error('it ran in a request'))
      },
    }
    storage.run('a request', () => new Deadlines({ now: () => performance.now() }).add(entry))
  })
})

test('an entry expires once, not before its deadline and less than a millisecond behind it', () => {
  const deadlines = new Deadlines(clock)
  const entry = new Entry(999.7)
  deadlines.add(entry)
  vi.advanceTimersByTime(10_000)
  expect(entry.expiredAt).toHaveLength(1)
  expect(entry.expiredAt[0]).toBeGreaterThanOrEqual(entry.deadline)
  expect(entry.expiredAt[0]).toBeLessThan(entry.deadline + 1)
})

test('an entry that is taken out does not expire', () => {
  const deadlines = new Deadlines(clock)
  const [gone, stays] = [new Entry(100), new Entry(100)]
  deadlines.add(gone)
  deadlines.add(stays)
  deadlines.delete(gone)
  vi.advanceTimersByTime(1000)
  expect(gone.expiredAt).toEqual([])
  expect(stays.expiredAt).toHaveLength(1)
})

test('the timer stops after the last entry was taken out', () => {
  const deadlines = new Deadlines(clock)
  const entry = new Entry(100)
  deadlines.add(entry)
  deadlines.delete(entry)
  vi.advanceTimersByTime(100 + TICK_MS)
  expect(vi.getTimerCount()).toBe(0)
})

test('an expiry may take out others that are due', () => {
  const deadlines = new Deadlines(clock)
  const second = new Entry(100)
  const first = new Entry(100, () => deadlines.delete(second))
  deadlines.add(first)
  deadlines.add(second)
  vi.advanceTimersByTime(1000)
  expect(first.expiredAt).toHaveLength(1)
  expect(second.expiredAt).toEqual([])
})

test('an expiry may add others, and itself again', () => {
  const deadlines = new Deadlines(clock)
  const expired: number[] = []
  const again = {
    deadline: clock.now() + 100,
    expire() {
      expired.push(clock.now())
      if (expired.length === 3) return
      this.deadline += 100
      deadlines.add(this)
    },
  }
  const later = new Entry(5000)
  deadlines.add(later)
  deadlines.add(again)
  vi.advanceTimersByTime(1000)
  expect(expired.map(Math.round)).toEqual([100, 200, 300])
  expect(later.expiredAt).toEqual([])
  vi.advanceTimersByTime(5000)
  expect(later.expiredAt).toHaveLength(1)
})

test('an expiry that adds something overdue does not hold the tick up', () => {
  const deadlines = new Deadlines(clock)
  const overdue = new Entry(-50)
  deadlines.add(new Entry(100, () => deadlines.add(overdue)))
  vi.advanceTimersByTime(100 + 1)
  expect(overdue.expiredAt).toEqual([])
  vi.advanceTimersByTime(TICK_MS)
  expect(overdue.expiredAt).toHaveLength(1)
})

test('fault 25: after the loop stood still everything that is due expires in one turn, the rest on time', async () => {
  const deadlines = new Deadlines(clock)
  const due = [new Entry(100), new Entry(1000), new Entry(2999)]
  const late = new Entry(4000)
  for (const entry of [late, ...due]) deadlines.add(entry)
  shift += 3000
  vi.advanceTimersByTime(100 + TICK_MS)
  for (const { expiredAt } of due) expect(expiredAt).toEqual([])
  await settled()
  for (const { expiredAt } of due) expect(expiredAt).toHaveLength(1)
  expect(late.expiredAt).toEqual([])
  vi.advanceTimersByTime(900)
  expect(late.expiredAt[0]).toBeLessThanOrEqual(late.deadline + TICK_MS)
})

test('fault 25: what is answered in the turn after the loop stood still does not expire', async () => {
  const deadlines = new Deadlines(clock)
  const [answered, silent] = [new Entry(100), new Entry(100)]
  deadlines.add(answered)
  deadlines.add(silent)
  shift += 3000
  vi.advanceTimersByTime(100 + TICK_MS)
  deadlines.delete(answered)
  await settled()
  expect(answered.expiredAt).toEqual([])
  expect(silent.expiredAt).toHaveLength(1)
  expect(silent.afterStall).toBe(true)
})

test('an entry that expires on time is told so', () => {
  const deadlines = new Deadlines(clock)
  const entry = new Entry(100)
  deadlines.add(entry)
  vi.advanceTimersByTime(100 + TICK_MS)
  expect(entry.afterStall).toBe(false)
})

test('a deadline further away than the longest timer comes in its time', () => {
  const deadlines = new Deadlines(clock)
  const century = 100 * 365 * 24 * 3_600_000
  const [far, never] = [new Entry(century), new Entry(Number.POSITIVE_INFINITY)]
  deadlines.add(far)
  deadlines.add(never)
  vi.advanceTimersByTime(century - 1)
  expect(far.expiredAt).toEqual([])
  vi.advanceTimersByTime(2 * TICK_MS)
  expect(far.expiredAt).toHaveLength(1)
  expect(never.expiredAt).toEqual([])
  expect(vi.getTimerCount()).toBe(0)
})

test('whenever entries are added and taken out, each expires within a tick of its deadline', () => {
  const step = fc.record({
    passMs: fc.nat({ max: 40 }),
    inMs: fc.double({ min: 0, max: 200, noNaN: true }),
    deletes: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const deadlines = new Deadlines(clock)
      const entries: Entry[] = []
      const deleted: Entry[] = []
      for (const { passMs, inMs, deletes } of steps) {
        vi.advanceTimersByTime(passMs)
        const entry = new Entry(inMs)
        deadlines.add(entry)
        if (deletes) {
          deadlines.delete(entry)
          deleted.push(entry)
        } else {
          entries.push(entry)
        }
      }
      vi.advanceTimersByTime(1000)
      expect(deleted.every(({ expiredAt }) => expiredAt.length === 0)).toBe(true)
      for (const { deadline, expiredAt } of entries) {
        expect(expiredAt).toHaveLength(1)
        const late = (expiredAt[0] as number) - deadline
        expect(late).toBeGreaterThanOrEqual(0)
        expect(late).toBeLessThanOrEqual(TICK_MS + 1)
      }
      expect(vi.getTimerCount()).toBe(0)
    }),
    { numRuns: 300 },
  )
})
