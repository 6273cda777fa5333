import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LeaseBlockedError, ScopeEndedError, TransactionEndedError } from '../../src/errors.ts'
import { Lane, type Turn } from '../../src/pool/lane.ts'
import { Wire } from '../../src/pool/wire.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { Outcome, states } from '../support/outcome.ts'
import { settled } from '../support/settled.ts'

const PATIENCE_MS = 1000

function laneOf(clock = new FakeClock()) {
  const connection = new Wire(clock)
  const lane = new Lane({
    shard: 'shard_0',
    clock,
    deadlines: clock.deadlines,
    patienceMs: PATIENCE_MS,
    idleMs: () => connection.countIdle(),
  })
  return { lane, clock, connection }
}

function turnOf(holder = 'a query', inner?: Lane): Turn {
  return { holder, inner }
}

/** Turns that wait for the lane, and what came of it. */
function waitFor(lane: Lane, count: number): { readonly turns: Turn[]; readonly outcomes: Outcome[] } {
  const turns = Array.from({ length: count }, () => turnOf())
  return { turns, outcomes: turns.map((turn) => new Outcome(lane.enter(turn))) }
}

const ended = () => new ScopeEndedError('ended')

describe('taking turns', () => {
  test('L3: a free lane is entered at once, an occupied one only after it was left', async () => {
    const { lane } = laneOf()
    const [first, second] = [turnOf(), turnOf()]
    expect(lane.isFree).toBe(true)
    expect(lane.tryEnter(first)).toBe(true)
    expect(lane.tryEnter(second)).toBe(false)
    expect(lane.isFree).toBe(false)
    lane.leave(first)
    expect(lane.isFree).toBe(true)
    expect(lane.tryEnter(second)).toBe(true)
  })

  test('L3: turns come in the order in which they were asked for', async () => {
    const { lane, clock } = laneOf()
    const first = turnOf()
    lane.tryEnter(first)
    const { turns, outcomes } = waitFor(lane, 3)
    expect(states(outcomes)).toEqual(['pending', 'pending', 'pending'])
    lane.leave(first)
    await settled()
    expect(states(outcomes)).toEqual(['fulfilled', 'pending', 'pending'])
    lane.leave(turns[0] as Turn)
    lane.leave(turns[1] as Turn)
    await settled()
    expect(states(outcomes)).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
    expect(clock.deadlines.size).toBe(0)
  })

  test('nobody slips in between the end of one turn and the beginning of the next', () => {
    const { lane } = laneOf()
    const first = turnOf()
    lane.tryEnter(first)
    waitFor(lane, 1)
    lane.leave(first)
    expect(lane.tryEnter(turnOf())).toBe(false)
  })

  test('only whoever has the turn can leave it', () => {
    const { lane } = laneOf()
    const first = turnOf()
    lane.tryEnter(first)
    lane.leave(turnOf())
    expect(lane.has(first)).toBe(true)
    lane.leave(first)
    lane.leave(first)
    expect(lane.isFree).toBe(true)
  })

  test('a free lane waits for nothing', () => {
    const { lane, clock } = laneOf()
    lane.tryEnter(turnOf())
    expect(clock.deadlines.size).toBe(0)
  })
})

describe('lanes inside', () => {
  test('L4: a lane inside has turns of its own, while its holder keeps the one outside', async () => {
    const { lane } = laneOf()
    const inner = lane.inner()
    const transaction = turnOf('transaction trx1', inner)
    lane.tryEnter(transaction)
    const outside = waitFor(lane, 1)
    const query = turnOf()
    expect(inner.tryEnter(query)).toBe(true)
    inner.leave(query)
    await settled()
    expect(states(outside.outcomes)).toEqual(['pending'])
    expect(lane.holder).toBe('transaction trx1')
    lane.leave(transaction)
    await settled()
    expect(states(outside.outcomes)).toEqual(['fulfilled'])
  })

  test('a lane knows which lanes it lies in, at any depth', () => {
    const { lane } = laneOf()
    const other = laneOf().lane
    const inner = lane.inner()
    const innermost = inner.inner()
    expect(innermost.isWithin(innermost)).toBe(true)
    expect(innermost.isWithin(inner)).toBe(true)
    expect(innermost.isWithin(lane)).toBe(true)
    expect(lane.isWithin(inner)).toBe(false)
    expect(inner.isWithin(lane.inner())).toBe(false)
    expect(innermost.isWithin(other)).toBe(false)
  })
})

describe('refusing', () => {
  test('a sealed lane refuses newcomers, and those who wait already get their turns', async () => {
    const { lane } = laneOf()
    const first = turnOf()
    lane.tryEnter(first)
    const { outcomes } = waitFor(lane, 1)
    lane.seal(() => new TransactionEndedError('over'))
    expect(() => lane.tryEnter(turnOf())).toThrow(TransactionEndedError)
    await expect(lane.enter(turnOf())).rejects.toThrow(TransactionEndedError)
    lane.leave(first)
    await settled()
    expect(states(outcomes)).toEqual(['fulfilled'])
  })

  test('a shut lane refuses those who wait too, and lets the holder finish with all that is inside', async () => {
    const { lane, clock } = laneOf()
    const inner = lane.inner()
    const transaction = turnOf('transaction trx1', inner)
    lane.tryEnter(transaction)
    const { outcomes } = waitFor(lane, 3)
    lane.shut(ended)
    await settled()
    expect(outcomes.every(({ error }) => error instanceof ScopeEndedError)).toBe(true)
    expect(new Set(outcomes.map(({ error }) => error)).size).toBe(3)
    expect(lane.has(transaction)).toBe(true)
    expect(inner.tryEnter(turnOf())).toBe(true)
    expect(clock.deadlines.size).toBe(0)
  })

  test('a closed lane refuses inside of transactions too, at any depth', async () => {
    const { lane } = laneOf()
    const inner = lane.inner()
    const innermost = inner.inner()
    lane.tryEnter(turnOf('transaction trx1', inner))
    inner.tryEnter(turnOf('transaction trx2', innermost))
    innermost.tryEnter(turnOf())
    const waiting = [lane, inner, innermost].map((each) => new Outcome(each.enter(turnOf())))
    lane.close(ended)
    await settled()
    for (const { error } of waiting) expect(error).toBeInstanceOf(ScopeEndedError)
    for (const each of [lane, inner, innermost])
      expect(() => each.tryEnter(turnOf())).toThrow(ScopeEndedError)
  })

  test('the first refusal of a lane stays', () => {
    const { lane } = laneOf()
    lane.seal(() => new TransactionEndedError('over'))
    lane.close(ended)
    expect(() => lane.tryEnter(turnOf())).toThrow(TransactionEndedError)
  })

  test('whoever is refused leaves the order of the others as it was', async () => {
    const { lane, clock, connection } = laneOf()
    connection.begin()
    const first = turnOf()
    lane.tryEnter(first)
    const early = waitFor(lane, 1)
    await clock.advance(1)
    connection.settle()
    await clock.advance(500)
    const late = waitFor(lane, 2)
    await clock.advance(500)
    expect(states([...early.outcomes, ...late.outcomes])).toEqual(['rejected', 'pending', 'pending'])
    lane.leave(first)
    await settled()
    expect(states(late.outcomes)).toEqual(['fulfilled', 'pending'])
  })
})

describe('eviction', () => {
  test('an evicted turn goes to the next, and its late leave has no effect', async () => {
    const { lane } = laneOf()
    const evicted = turnOf('a stream')
    lane.tryEnter(evicted)
    const { turns, outcomes } = waitFor(lane, 2)
    lane.evict(ended)
    await settled()
    expect(states(outcomes)).toEqual(['fulfilled', 'pending'])
    expect(lane.has(evicted)).toBe(false)
    lane.leave(evicted)
    expect(lane.has(turns[0] as Turn)).toBe(true)
    await settled()
    expect(states(outcomes)).toEqual(['fulfilled', 'pending'])
  })

  test('L6: what is inside an evicted turn loses its turn as well, even one that it was given just now', async () => {
    const { lane } = laneOf()
    const inner = lane.inner()
    const innermost = inner.inner()
    lane.tryEnter(turnOf('transaction trx1', inner))
    const savepoint = turnOf('transaction trx2', innermost)
    inner.tryEnter(savepoint)
    const query = turnOf()
    innermost.tryEnter(query)
    const next = turnOf()
    const waiting = new Outcome(innermost.enter(next))
    innermost.leave(query)
    lane.evict(ended)
    await settled()
    expect(waiting.state).toBe('fulfilled')
    for (const [each, turn] of [
      [inner, savepoint],
      [innermost, next],
    ] as const)
      expect(each.has(turn)).toBe(false)
    expect(() => inner.tryEnter(turnOf())).toThrow(ScopeEndedError)
    expect(() => innermost.tryEnter(turnOf())).toThrow(ScopeEndedError)
    expect(lane.tryEnter(turnOf())).toBe(true)
  })

  test('evicting nobody changes nothing', () => {
    const { lane } = laneOf()
    lane.evict(ended)
    expect(lane.tryEnter(turnOf())).toBe(true)
  })
})

describe('patience', () => {
  test('L4: a waiter is refused once the connection has been idle for as long as his patience while he waited', async () => {
    const { lane, clock } = laneOf()
    lane.tryEnter(turnOf('transaction trx7'))
    await clock.advance(5000)
    const { outcomes } = waitFor(lane, 1)
    await clock.advance(PATIENCE_MS - 1)
    expect(states(outcomes)).toEqual(['pending'])
    await clock.advance(1)
    expect(outcomes[0]?.error).toBeInstanceOf(LeaseBlockedError)
    expect(outcomes[0]?.error).toMatchObject({ shard: 'shard_0' })
    expect(outcomes[0]?.error?.message).toContain('is kept by transaction trx7')
    expect(clock.deadlines.size).toBe(0)
  })

  test('L4: time in which the queries of the holder run does not count', async () => {
    const { lane, clock, connection } = laneOf()
    lane.tryEnter(turnOf('transaction trx7'))
    const { outcomes } = waitFor(lane, 1)
    connection.begin()
    await clock.advance(60_000)
    expect(states(outcomes)).toEqual(['pending'])
    connection.settle()
    await clock.advance(PATIENCE_MS - 1)
    expect(states(outcomes)).toEqual(['pending'])
    await clock.advance(1)
    expect(states(outcomes)).toEqual(['rejected'])
  })

  test('L4: a holder who uses the connection now and then uses up the patience of those who wait', async () => {
    const { lane, clock, connection } = laneOf()
    lane.tryEnter(turnOf('transaction trx7'))
    await clock.advance(5 * PATIENCE_MS)
    const { outcomes } = waitFor(lane, 1)
    for (let idleMs = 0; idleMs < PATIENCE_MS; idleMs += PATIENCE_MS / 4) {
      expect(states(outcomes)).toEqual(['pending'])
      connection.begin()
      await clock.advance(PATIENCE_MS)
      connection.settle()
      await clock.advance(PATIENCE_MS / 4)
    }
    expect(states(outcomes)).toEqual(['rejected'])
    expect(outcomes[0]?.error).toBeInstanceOf(LeaseBlockedError)
  })

  test('whenever the connection is used, a waiter is refused once it has been idle for a patience, all in all', async () => {
    const uses = fc.array(
      fc.record({ idleMs: fc.nat({ max: 1500 }), busyMs: fc.integer({ min: 1, max: 1500 }) }),
      {
        maxLength: 8,
      },
    )
    await fc.assert(
      fc.asyncProperty(uses, async (uses) => {
        const { lane, clock, connection } = laneOf()
        lane.tryEnter(turnOf())
        const { outcomes } = waitFor(lane, 1)
        let refusedAt: number | undefined
        let expected: number | undefined
        let patienceLeftMs = PATIENCE_MS
        const pass = async (ms: number) => {
          for (const end = clock.now() + ms; clock.now() < end && refusedAt === undefined; ) {
            await clock.advance(Math.min(end - clock.now(), 50))
            if (outcomes[0]?.state === 'rejected') refusedAt = clock.now()
          }
        }
        for (const { idleMs, busyMs } of [...uses, { idleMs: 2000, busyMs: 1 }]) {
          expected ??= idleMs >= patienceLeftMs ? clock.now() + patienceLeftMs : undefined
          patienceLeftMs -= idleMs
          await pass(idleMs)
          connection.begin()
          await pass(busyMs)
          connection.settle()
        }
        expect(expected).toBeDefined()
        expect(refusedAt).toBeGreaterThanOrEqual(expected as number)
        expect(refusedAt).toBeLessThan((expected as number) + 50)
      }),
      { numRuns: 100 },
    )
  })
})
