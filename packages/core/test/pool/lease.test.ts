import { describe, expect, test } from 'vitest'
import {
  CheckoutAbortedError,
  CheckoutTimeoutError,
  LeaseBlockedError,
  LeaseRevokedError,
  PoolOverloadedError,
  ScopeEndedError,
  type ShardingError,
} from '../../src/errors.ts'
import type { Lane, Turn } from '../../src/pool/lane.ts'
import type { Lease } from '../../src/pool/lease.ts'
import type { OpenWork } from '../../src/pool/open-work.ts'
import { deferred } from '../support/deferred.ts'
import { CHECKOUT_TIMEOUT_MS, LeaseBench } from '../support/lease-bench.ts'
import { Outcome, states } from '../support/outcome.ts'
import { settled } from '../support/settled.ts'

const ended = () => new ScopeEndedError('the function has settled')

/** Something open on the connection, such as a cursor. */
class Work implements OpenWork {
  readonly owner: object
  readonly #onAbandon: () => void
  abandoned: ShardingError | undefined

  constructor(owner: object = {}, onAbandon: () => void = () => {}) {
    this.owner = owner
    this.#onAbandon = onAbandon
  }

  abandon(error: ShardingError): void {
    this.abandoned = error
    this.#onAbandon()
  }
}

interface Transaction {
  readonly inner: Lane
  readonly work: Work
  readonly entered: Outcome
  /** As a transaction does when it has ended. */
  leave(): void
}

/** Takes a turn with a lane inside, as a transaction does. */
function begin(lease: Lease, lane: Lane = lease.root): Transaction {
  const inner = lane.inner()
  const turn: Turn = { holder: 'transaction trx1', inner }
  const work = new Work()
  const entered = new Outcome(lease.enter(lane, turn, () => lease.addOpenWork(work)))
  return {
    inner,
    work,
    entered,
    leave: () => {
      lease.removeOpenWork(work)
      lease.leave(lane, turn)
    },
  }
}

describe('moving to another server', () => {
  test('L1: what is waited for meanwhile goes back to the server that it came from', async () => {
    const [here, there] = [new LeaseBench({ max: 1 }), new LeaseBench({ max: 1 })]
    const first = await here.heldLease()
    const lease = here.lease()
    const taken = new Outcome(Promise.resolve(lease.checkout()))
    lease.moveTo(there.source('shard_0/replica-0'))
    // The response is complete: nobody uses what comes.
    lease.detach('detach')
    first.end(ended)
    await settled()
    expect(taken.state).toBe('fulfilled')
    expect(lease.isHeld).toBe(false)
    expect([here, there].map(({ pool }) => pool.stats().active)).toEqual([0, 0])
    for (const bench of [here, there]) await bench.heldLease()
  })
})

describe('taking the connection', () => {
  test('a free connection is taken without a promise', async () => {
    const bench = new LeaseBench()
    const first = await bench.heldLease()
    first.end(ended)
    const lease = bench.lease()
    expect(lease.isHeld).toBe(false)
    expect(lease.checkout()).toBeUndefined()
    expect(lease.isHeld).toBe(true)
    expect(bench.clock.deadlines.size).toBe(0)
  })

  test('L1: everything of a lease runs on one connection, taken with the first query', async () => {
    const bench = new LeaseBench({ max: 5 })
    const { server, pool } = bench
    const lease = bench.lease()
    const outcomes = ['a', 'b', 'c'].map((text) => server.query(lease, text))
    for (const text of ['a', 'b', 'c']) {
      await settled()
      server.at(text).answer()
    }
    await settled()
    expect(states(outcomes)).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
    expect(server.openedCount).toBe(1)
    expect(pool.stats()).toMatchObject({ total: 1, active: 1 })
  })

  test('asking twice while waiting takes one place in the queue', async () => {
    const bench = new LeaseBench({ max: 1 })
    const holder = await bench.heldLease()
    const lease = bench.lease()
    const both = [new Outcome(lease.checkout() as Promise<void>), bench.server.query(lease, 'a')]
    expect(bench.pool.stats().waiting).toBe(1)
    holder.end(ended)
    await settled()
    bench.server.at('a').answer()
    await settled()
    expect(states(both)).toEqual(['fulfilled', 'fulfilled'])
    expect(bench.pool.stats()).toMatchObject({ active: 1, total: 1 })
  })

  test('a checkout that was refused may be tried again', async () => {
    const bench = new LeaseBench({ max: 1 })
    const holder = await bench.heldLease()
    const lease = bench.lease()
    const first = new Outcome(lease.checkout(100) as Promise<void>)
    await bench.clock.advance(100)
    expect(first.error).toBeInstanceOf(CheckoutTimeoutError)
    const again = new Outcome(lease.checkout() as Promise<void>)
    holder.end(ended)
    await settled()
    expect(again.state).toBe('fulfilled')
  })

  test('a query that gets no connection leaves its turn to the next', async () => {
    const bench = new LeaseBench({ max: 1 })
    const holder = await bench.heldLease()
    const lease = bench.lease()
    const [first, second] = [bench.server.query(lease, 'a'), bench.server.query(lease, 'b')]
    await bench.clock.advance(CHECKOUT_TIMEOUT_MS)
    expect(states([first, second])).toEqual(['rejected', 'pending'])
    holder.end(ended)
    await settled()
    expect(bench.server.texts).toEqual(['b'])
  })

  test('L2: hopelessness is told before anything is taken, and only to those who hold nothing', async () => {
    const bench = new LeaseBench({ max: 1, maxWaiting: 0 })
    const holder = await bench.heldLease()
    expect(() => bench.lease().assertAvailable()).toThrow(PoolOverloadedError)
    expect(() => holder.assertAvailable()).not.toThrow()
  })
})

describe('running', () => {
  test('L3: queries take turns in the order in which they were asked for, one at a time', async () => {
    const bench = new LeaseBench()
    const { server } = bench
    const lease = await bench.heldLease()
    const outcomes = ['a', 'b', 'c'].map((text) => server.query(lease, text))
    for (const text of ['a', 'b', 'c']) {
      await settled()
      expect(server.texts).toEqual([text])
      if (text === 'b') server.at(text).fail(new Error('syntax'))
      else server.at(text).answer(text)
    }
    await settled()
    expect(states(outcomes)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(outcomes.map(({ value }) => value)).toEqual(['a', undefined, 'c'])
    expect(server.violations).toEqual([])
  })

  test('a query on a free connection is sent in the same instant', async () => {
    const bench = new LeaseBench()
    const lease = await bench.heldLease()
    bench.server.query(lease, 'a')
    expect(bench.server.texts).toEqual(['a'])
  })

  test('a query that cannot be sent rejects and leaves its turn', async () => {
    const bench = new LeaseBench()
    const lease = await bench.heldLease()
    const failing = new Outcome(
      lease.run(lease.root, () => {
        throw new Error('The query is empty')
      }),
    )
    bench.server.query(lease, 'b')
    await settled()
    expect(failing.error?.message).toBe('The query is empty')
    expect(bench.server.texts).toEqual(['b'])
    bench.server.at('b').answer()
    await settled()
    lease.end(ended)
    expect(bench.pool.stats()).toMatchObject({ active: 0, idle: 1 })
  })

  test('L4: a transaction keeps the turn between its queries, and its own queries take turns inside', async () => {
    const bench = new LeaseBench()
    const { server } = bench
    const lease = await bench.heldLease()
    const transaction = begin(lease)
    const outside = server.query(lease, 'outside')
    await settled()
    server.query(lease, 'first', transaction.inner)
    server.query(lease, 'second', transaction.inner)
    await settled()
    expect(server.texts).toEqual(['first'])
    server.at('first').answer()
    await settled()
    expect(server.texts).toEqual(['second'])
    server.at('second').answer()
    await settled()
    expect(outside.state).toBe('pending')
    transaction.leave()
    await settled()
    expect(server.texts).toEqual(['outside'])
  })

  test('L4: whoever waits for a turn that is kept idle is refused, naming the holder; a running query is waited for', async () => {
    const bench = new LeaseBench()
    const { server, clock } = bench
    const lease = await bench.heldLease()
    const transaction = begin(lease)
    await settled()
    const waiting = server.query(lease, 'outside')
    server.query(lease, 'slow', transaction.inner)
    await clock.advance(10 * CHECKOUT_TIMEOUT_MS)
    expect(waiting.state).toBe('pending')
    server.at('slow').answer()
    await clock.advance(CHECKOUT_TIMEOUT_MS - 1)
    expect(waiting.state).toBe('pending')
    await clock.advance(1)
    expect(waiting.error).toBeInstanceOf(LeaseBlockedError)
    expect(waiting.error?.message).toContain('transaction trx1')
  })

  test('use by other ways counts as use: touch, and track for as long as its result is open', async () => {
    const bench = new LeaseBench()
    const { server, clock } = bench
    const lease = await bench.heldLease()
    begin(lease)
    await settled()
    const waiting = server.query(lease, 'outside')
    await clock.advance(CHECKOUT_TIMEOUT_MS - 1)
    lease.touch()
    await clock.advance(CHECKOUT_TIMEOUT_MS - 1)
    const { promise, reject } = deferred()
    new Outcome(lease.track(promise))
    await clock.advance(5 * CHECKOUT_TIMEOUT_MS)
    expect(waiting.state).toBe('pending')
    reject(new Error("a query of the driver's own"))
    await clock.advance(CHECKOUT_TIMEOUT_MS)
    expect(waiting.error).toBeInstanceOf(LeaseBlockedError)
  })
})

describe('ending', () => {
  test('L5: what waits is refused, what is on the wire settles, and then the connection goes back', async () => {
    const bench = new LeaseBench({}, { reset: 'manual' })
    const { server, pool } = bench
    const lease = await bench.heldLease()
    const outcomes = ['a', 'b', 'c'].map((text) => server.query(lease, text))
    lease.end(ended)
    await settled()
    expect(states(outcomes)).toEqual(['pending', 'rejected', 'rejected'])
    expect(outcomes[1]?.error).toBeInstanceOf(ScopeEndedError)
    expect(server.log).toEqual(['a'])
    server.at('a').answer()
    await settled()
    expect(states(outcomes)).toEqual(['fulfilled', 'rejected', 'rejected'])
    expect(server.log).toEqual(['a', 'reset'])
    expect(pool.stats()).toMatchObject({ active: 1, idle: 0 })
    expect(server.violations).toEqual([])
  })

  test('L5: the connection is given back only when everything on the wire has settled, tracked queries included', async () => {
    const bench = new LeaseBench()
    const { server, pool } = bench
    const lease = await bench.heldLease()
    const connection = lease.connection
    const raw = begin(lease)
    await settled()
    new Outcome(lease.track(server.send(lease, connection as object, 'raw 1')))
    new Outcome(lease.track(server.send(lease, connection as object, 'raw 2')))
    server.query(lease, 'a', raw.inner)
    lease.end(ended)
    for (const text of ['a', 'raw 1']) {
      server.at(text).answer()
      await settled()
      expect(pool.stats()).toMatchObject({ active: 1 })
    }
    server.at('raw 2').fail(new Error('no'))
    await settled()
    expect(pool.stats()).toMatchObject({ active: 0, idle: 1 })
    expect(server.violations).toEqual([])
  })

  test('L5: open work is abandoned, and an open transaction is left to the pool', async () => {
    const bench = new LeaseBench({}, { reset: 'manual' })
    const { server } = bench
    const lease = await bench.heldLease()
    const transaction = begin(lease)
    await settled()
    lease.end(ended)
    expect(transaction.work.abandoned).toBeInstanceOf(ScopeEndedError)
    expect(server.log).toEqual(['reset'])
    const rollback = server.query(lease, 'rollback', transaction.inner)
    await settled()
    expect(rollback.error).toBeInstanceOf(ScopeEndedError)
    transaction.leave()
    expect(server.log).toEqual(['reset'])
  })

  test('after its end a lease refuses whatever it is asked, with the reason', async () => {
    const bench = new LeaseBench()
    const lease = await bench.heldLease()
    lease.end(ended)
    lease.end(() => new LeaseRevokedError('a second reason'))
    expect(() => lease.checkout()).toThrow(ScopeEndedError)
    const query = bench.server.query(lease, 'late')
    await expect(lease.release(lease.root)).rejects.toThrow(ScopeEndedError)
    await expect(lease.enter(lease.root, { holder: 'x', inner: undefined }, () => {})).rejects.toThrow(
      ScopeEndedError,
    )
    await settled()
    expect(query.error).toBeInstanceOf(ScopeEndedError)
    expect(bench.server.log).not.toContain('late')
    expect(bench.pool.stats()).toMatchObject({ active: 0, idle: 1 })
  })

  test('L7: whoever ends or leaves while waiting for a connection loses his place at once', async () => {
    const bench = new LeaseBench({ max: 1 })
    await bench.heldLease()
    const [leaving, ending, next] = [bench.lease(), bench.lease(), bench.lease()]
    const outcomes = [leaving, ending, next].map((lease) => new Outcome(lease.checkout() as Promise<void>))
    leaving.leaveQueue()
    ending.end(ended)
    await settled()
    expect(states(outcomes)).toEqual(['rejected', 'rejected', 'pending'])
    expect(outcomes[0]?.error).toBeInstanceOf(CheckoutAbortedError)
    expect(outcomes[1]?.error).toBeInstanceOf(ScopeEndedError)
    expect(bench.pool.stats().waiting).toBe(1)
  })

  test('leaving the queue without being in it changes nothing', async () => {
    const bench = new LeaseBench()
    const lease = await bench.heldLease()
    lease.leaveQueue()
    bench.lease().leaveQueue()
    expect(lease.isHeld).toBe(true)
  })

  test('fault 3: a lease that ends in the instant in which it is served gives the connection back, once', async () => {
    const bench = new LeaseBench({ max: 1 })
    const holder = await bench.heldLease()
    const lease = bench.lease()
    const outcome = new Outcome(lease.checkout() as Promise<void>)
    holder.end(ended)
    lease.end(ended)
    await settled()
    expect(outcome.error).toBeInstanceOf(ScopeEndedError)
    expect(lease.isHeld).toBe(false)
    expect(bench.pool.stats()).toMatchObject({ active: 0, idle: 1 })
  })

  test('fault 3: a lease that is answered in the instant in which it is served keeps nothing', async () => {
    const bench = new LeaseBench({ max: 1 })
    const holder = await bench.heldLease()
    const lease = bench.lease()
    const outcome = new Outcome(lease.checkout() as Promise<void>)
    holder.end(ended)
    lease.leaveQueue()
    lease.detach('detach')
    await settled()
    expect(outcome.state).toBe('fulfilled')
    expect(bench.pool.stats()).toMatchObject({ active: 0, idle: 1 })
    expect(bench.clock.deadlines.size).toBe(0)
    expect(bench.detachedCount).toBe(0)
  })
})

describe('handing back for a while', () => {
  test('L2: release gives the connection back, and the next query takes one again', async () => {
    const bench = new LeaseBench({ max: 1 })
    const lease = await bench.heldLease()
    await lease.release(lease.root)
    expect(lease.isHeld).toBe(false)
    const other = await bench.heldLease()
    const query = bench.server.query(lease, 'again')
    await settled()
    expect(query.state).toBe('pending')
    other.end(ended)
    await settled()
    expect(bench.server.texts).toEqual(['again'])
  })

  test('release waits for the queries that came before it, and those after it run on a new connection', async () => {
    const bench = new LeaseBench({}, { reset: 'manual' })
    const { server } = bench
    const lease = await bench.heldLease()
    server.query(lease, 'before')
    const released = new Outcome(lease.release(lease.root))
    server.query(lease, 'after')
    await settled()
    expect(released.state).toBe('pending')
    server.at('before').answer()
    await settled()
    expect(released.state).toBe('fulfilled')
    expect(server.log).toEqual(['before', 'reset', 'after'])
    expect(server.violations).toEqual([])
  })

  test('release is refused inside a transaction and while a stream is open, and takes nothing then', async () => {
    const bench = new LeaseBench()
    const lease = await bench.heldLease()
    const stream = new Work()
    lease.addOpenWork(stream)
    await expect(lease.release(lease.root)).rejects.toThrow(/kept by an open stream/)
    lease.removeOpenWork(stream)
    const { inner, leave } = begin(lease)
    await settled()
    await expect(lease.release(inner)).rejects.toThrow(/kept by transaction trx1/)
    await expect(lease.release(inner)).rejects.toBeInstanceOf(LeaseBlockedError)
    await expect(lease.release(lease.root)).rejects.toThrow(/kept by transaction trx1/)
    leave()
    await expect(lease.release(inner)).rejects.toThrow(/kept by a transaction/)
    expect(lease.isHeld).toBe(true)
  })

  test('release without a connection does nothing', async () => {
    const bench = new LeaseBench()
    const lease = bench.lease()
    await lease.release(lease.root)
    expect(bench.server.openedCount).toBe(0)
  })
})

describe('after the response', () => {
  test('L5: an unused connection goes back at once', async () => {
    const bench = new LeaseBench()
    const lease = await bench.heldLease()
    lease.detach('detach')
    expect(bench.pool.stats()).toMatchObject({ active: 0, idle: 1 })
    expect(bench.clock.deadlines.size).toBe(0)
  })

  test('L5: a query on the wire settles first, and what waited behind it takes a connection of its own', async () => {
    const bench = new LeaseBench({}, { reset: 'manual' })
    const { server } = bench
    const lease = await bench.heldLease()
    server.query(lease, 'a')
    server.query(lease, 'b')
    lease.detach('detach')
    await settled()
    expect(server.log).toEqual(['a'])
    server.at('a').answer()
    await settled()
    expect(server.log).toEqual(['a', 'reset', 'b'])
    expect(bench.detachedCount).toBe(1)
    server.at('b').answer()
    await settled()
    expect(server.log).toEqual(['a', 'reset', 'b', 'reset'])
    expect(server.violations).toEqual([])
  })

  test('L6: a later query takes a short lease, counted, and returned as soon as it is idle', async () => {
    const bench = new LeaseBench()
    const lease = await bench.heldLease()
    lease.detach('detach')
    for (let count = 1; count <= 3; count++) {
      const query = bench.server.query(lease, 'late')
      await settled()
      expect(bench.pool.stats().active).toBe(1)
      bench.server.at('late').answer()
      await settled()
      expect(query.state).toBe('fulfilled')
      expect(bench.pool.stats()).toMatchObject({ active: 0, idle: 1 })
      expect(bench.detachedCount).toBe(count)
    }
    expect(bench.clock.deadlines.size).toBe(0)
  })

  test('L6: a short lease that is refused is not counted', async () => {
    const bench = new LeaseBench({ max: 1, maxWaiting: 0 })
    const lease = await bench.heldLease()
    lease.detach('detach')
    await bench.heldLease()
    const query = bench.server.query(lease, 'late')
    await settled()
    expect(query.error).toBeInstanceOf(PoolOverloadedError)
    expect(bench.detachedCount).toBe(0)
  })

  test("L6: with 'reject' what comes later or waits is refused, and what runs or is open may finish", async () => {
    const bench = new LeaseBench()
    const { server } = bench
    const lease = await bench.heldLease()
    const transaction = begin(lease)
    await settled()
    const waiting = server.query(lease, 'waiting')
    lease.detach('reject')
    const inside = server.query(lease, 'inside', transaction.inner)
    const later = server.query(lease, 'later')
    await settled()
    expect(waiting.error).toBeInstanceOf(LeaseRevokedError)
    expect(later.error).toBeInstanceOf(LeaseRevokedError)
    server.at('inside').answer()
    await settled()
    expect(inside.state).toBe('fulfilled')
    transaction.leave()
    expect(bench.pool.stats()).toMatchObject({ active: 0, idle: 1 })
    expect(bench.detachedCount).toBe(0)
  })

  test('L5: an open transaction keeps the connection until it ends', async () => {
    const bench = new LeaseBench()
    const { server, clock } = bench
    const lease = await bench.heldLease()
    const connection = lease.connection
    const transaction = begin(lease)
    await settled()
    lease.detach('detach')
    for (let round = 0; round < 5; round++) {
      await clock.advance(CHECKOUT_TIMEOUT_MS - 1)
      server.query(lease, 'inside', transaction.inner)
      await clock.advance(3 * CHECKOUT_TIMEOUT_MS)
      expect(lease.connection).toBe(connection)
      server.at('inside').answer()
      await settled()
    }
    transaction.leave()
    expect(bench.pool.stats()).toMatchObject({ active: 0, idle: 1 })
    expect(clock.deadlines.size).toBe(0)
  })

  test('L5: open work outside of a turn, such as a cursor, keeps the connection until it ends', async () => {
    const bench = new LeaseBench()
    const lease = await bench.heldLease()
    const cursor = new Work()
    lease.addOpenWork(cursor)
    lease.detach('detach')
    const fetch = bench.server.query(lease, 'fetch')
    bench.server.at('fetch').answer()
    await settled()
    expect(fetch.state).toBe('fulfilled')
    expect(lease.isHeld).toBe(true)
    lease.removeOpenWork(cursor)
    expect(bench.pool.stats()).toMatchObject({ active: 0, idle: 1 })
    expect(bench.detachedCount).toBe(0)
  })

  test('L5: work that has made no progress for checkoutTimeoutMs loses the connection before anybody else gets it', async () => {
    const bench = new LeaseBench({ max: 1 }, { reset: 'manual' })
    const { server, clock } = bench
    const lease = await bench.heldLease()
    const transaction = begin(lease)
    await settled()
    await clock.advance(60_000)
    lease.detach('detach')
    await clock.advance(CHECKOUT_TIMEOUT_MS - 1)
    expect(transaction.work.abandoned).toBeUndefined()
    await clock.advance(1)
    expect(transaction.work.abandoned).toBeInstanceOf(LeaseRevokedError)
    expect(lease.isHeld).toBe(false)
    expect(server.log).toEqual(['reset'])
    const late = server.query(lease, 'late', transaction.inner)
    await settled()
    expect(late.error).toBeInstanceOf(LeaseRevokedError)
    expect(server.log).toEqual(['reset'])
    expect(clock.deadlines.size).toBe(0)
  })

  test('L5: what abandoned work still wants to say is not said on a connection that was given back', async () => {
    const bench = new LeaseBench({ max: 1 })
    const { server, clock } = bench
    const lease = await bench.heldLease()
    const transaction = begin(lease)
    let rollback: Outcome | undefined
    const work = new Work({}, () => {
      rollback = server.query(lease, 'rollback', transaction.inner)
      expect(lease.isHeld).toBe(false)
    })
    lease.addOpenWork(work)
    await settled()
    lease.detach('detach')
    await clock.advance(CHECKOUT_TIMEOUT_MS)
    expect(rollback?.error).toBeInstanceOf(LeaseRevokedError)
    expect(server.log).not.toContain('rollback')
    expect(server.violations).toEqual([])
  })

  test('after an eviction the next query runs on a lease of its own, and the late end of the evicted harms nobody', async () => {
    const bench = new LeaseBench()
    const { server, clock } = bench
    const lease = await bench.heldLease()
    const transaction = begin(lease)
    await settled()
    lease.detach('detach')
    await clock.advance(1000)
    server.query(lease, 'next')
    await clock.advance(CHECKOUT_TIMEOUT_MS - 1000)
    expect(server.texts).toEqual(['next'])
    expect(bench.detachedCount).toBe(1)
    transaction.leave()
    await settled()
    expect(bench.pool.stats().active).toBe(1)
    server.at('next').answer()
    await settled()
    expect(bench.pool.stats().active).toBe(0)
    expect(server.violations).toEqual([])
  })

  test('a query that waits for a connection when the response ends still gets it', async () => {
    const bench = new LeaseBench({ max: 1 })
    const holder = await bench.heldLease()
    const lease = bench.lease()
    const query = bench.server.query(lease, 'a')
    await settled()
    lease.detach('detach')
    holder.end(ended)
    await settled()
    bench.server.at('a').answer()
    await settled()
    expect(query.state).toBe('fulfilled')
    expect(bench.pool.stats()).toMatchObject({ active: 0, idle: 1 })
    expect(bench.clock.deadlines.size).toBe(0)
  })

  test('L5: a cursor keeps the connection beyond the turn that ran when the response ended', async () => {
    const bench = new LeaseBench()
    const { server } = bench
    const lease = await bench.heldLease()
    const connection = lease.connection
    const cursor = new Work()
    server.query(lease, 'other')
    lease.addOpenWork(cursor)
    lease.detach('detach')
    server.at('other').answer()
    await settled()
    expect(lease.connection).toBe(connection)
    lease.removeOpenWork(cursor)
    expect(lease.isHeld).toBe(false)
    expect(bench.detachedCount).toBe(0)
  })

  test('L6: a transaction that begins after the response and makes no progress loses its connection, too', async () => {
    const bench = new LeaseBench()
    const lease = await bench.heldLease()
    lease.detach('detach')
    const transaction = begin(lease)
    await settled()
    expect(lease.isHeld).toBe(true)
    await bench.clock.advance(CHECKOUT_TIMEOUT_MS)
    expect(transaction.work.abandoned).toBeInstanceOf(LeaseRevokedError)
    expect(bench.pool.stats()).toMatchObject({ active: 0, idle: 1 })
  })

  test('L5: a turn that ends late gives back nothing that is still in use', async () => {
    const bench = new LeaseBench()
    const { server } = bench
    const lease = await bench.heldLease()
    const transaction = begin(lease)
    await settled()
    server.query(lease, 'inside', transaction.inner)
    lease.detach('detach')
    lease.end(ended)
    transaction.leave()
    expect(bench.pool.stats().active).toBe(1)
    server.at('inside').answer()
    await settled()
    expect(bench.pool.stats().active).toBe(0)
    expect(server.violations).toEqual([])
  })

  test('only what its owner left open is abandoned with him', async () => {
    const bench = new LeaseBench()
    const lease = await bench.heldLease()
    const owner = {}
    const [his, other] = [new Work(owner), new Work()]
    lease.addOpenWork(his)
    lease.addOpenWork(other)
    lease.abandonWork(owner, ended())
    expect(his.abandoned).toBeInstanceOf(ScopeEndedError)
    expect(other.abandoned).toBeUndefined()
    expect(lease.isHeld).toBe(true)
  })
})

describe('fault 3: the instant between having a connection and using it', () => {
  /** Lets `act` happen a number of microtasks from now. */
  function after(microtasks: number, act: () => void): void {
    if (microtasks === 0) act()
    else queueMicrotask(() => after(microtasks - 1, act))
  }

  const instants = Array.from({ length: 16 }, (_, index) => index)

  test.each(instants)(
    'a lease that ends %i microtasks after it was served sends nothing it may not',
    async (instant) => {
      const bench = new LeaseBench({ max: 1 })
      const { server } = bench
      const holder = await bench.heldLease()
      const lease = bench.lease()
      const next = bench.lease()
      const query = server.query(lease, 'a')
      await settled()
      server.query(next, 'b')
      await settled()
      holder.end(ended)
      after(instant, () => lease.end(ended))
      await settled()
      if (server.texts.includes('a')) {
        expect(server.texts).toEqual(['a'])
        server.at('a').answer()
        await settled()
        expect(query.state).toBe('fulfilled')
      } else {
        expect(query.error).toBeInstanceOf(ScopeEndedError)
      }
      expect(server.texts).toEqual(['b'])
      expect(server.violations).toEqual([])
    },
  )

  test.each(instants)(
    'a turn that is passed on %i microtasks before the end of the lease is used or refused',
    async (instant) => {
      const bench = new LeaseBench({ max: 1 })
      const { server } = bench
      const lease = await bench.heldLease()
      const next = bench.lease()
      server.query(lease, 'a')
      const second = server.query(lease, 'b')
      server.query(next, 'c')
      await settled()
      server.at('a').answer()
      after(instant, () => lease.end(ended))
      await settled()
      if (server.texts.includes('b')) server.at('b').answer()
      else expect(second.error).toBeInstanceOf(ScopeEndedError)
      await settled()
      expect(second.state).not.toBe('pending')
      expect(server.texts).toEqual(['c'])
      expect(server.violations).toEqual([])
    },
  )

  test.each(instants)(
    'a transaction that begins %i microtasks before the end of the lease gets no foreign connection',
    async (instant) => {
      const bench = new LeaseBench({ max: 1 })
      const { server } = bench
      const holder = await bench.heldLease()
      const lease = bench.lease()
      const next = bench.lease()
      const turn: Turn = { holder: 'withRawConnection()', inner: undefined }
      const entered = new Outcome(
        lease.enter(lease.root, turn, (connection) => {
          new Outcome(lease.track(server.send(lease, connection, 'raw')))
        }),
      )
      await settled()
      server.query(next, 'b')
      await settled()
      holder.end(ended)
      after(instant, () => lease.end(ended))
      await settled()
      if (entered.state === 'fulfilled') server.at('raw').answer()
      await settled()
      expect(server.texts).toEqual(['b'])
      expect(server.violations).toEqual([])
    },
  )
})
