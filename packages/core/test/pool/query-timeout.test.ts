import { describe, expect, test } from 'vitest'
import { ConnectionLostError, QueryTimeoutError, ScopeEndedError } from '../../src/errors.ts'
import type { Lease } from '../../src/pool/lease.ts'
import type { RawConnection } from '../../src/pool/raw-connection.ts'
import { deferred } from '../support/deferred.ts'
import { LeaseBench } from '../support/lease-bench.ts'
import { Outcome } from '../support/outcome.ts'
import { settled } from '../support/settled.ts'

const LIMIT_MS = 300
const ended = () => new ScopeEndedError('the function has settled')
const cancelled = () => new Error('canceling statement due to user request')

/** A lease whose query has run for as long as it may. */
async function overdue() {
  const bench = new LeaseBench({ max: 1, queryTimeoutMs: LIMIT_MS })
  const lease = await bench.heldLease()
  const query = bench.server.query(lease, 'slow')
  await bench.clock.advance(LIMIT_MS - 1)
  expect(bench.server.cancels).toHaveLength(0)
  await bench.clock.advance(1)
  return { bench, lease, query, server: bench.server, clock: bench.clock }
}

describe('a query that takes longer than queryTimeoutMs', () => {
  test('L7: it is stopped on the server and rejects with a typed error; the connection serves on', async () => {
    const { bench, lease, query, server, clock } = await overdue()
    expect(query.state).toBe('pending')
    server.at('slow').fail(cancelled())
    server.cancels[0]?.resolve()
    await settled()
    expect(query.error).toBeInstanceOf(QueryTimeoutError)
    expect(query.error).toMatchObject({ shard: 'shard_0', statusCode: 500, retryable: false })
    expect(query.error?.message).toContain('300 ms')
    expect(query.error?.cause).toMatchObject({ message: expect.stringContaining('canceling') })
    const next = server.query(lease, 'next')
    await settled()
    server.at('next').answer()
    lease.end(ended)
    await settled()
    expect(next.state).toBe('fulfilled')
    expect(bench.pool.stats()).toMatchObject({ total: 1, idle: 1 })
    expect(clock.deadlines.size).toBe(0)
    expect(server.violations).toEqual([])
  })

  test('fault 11: where the server does not answer, it rejects and the connection is destroyed, 40 ms later', async () => {
    const { bench, lease, query, server, clock } = await overdue()
    await clock.advance(39)
    expect(query.state).toBe('pending')
    await clock.advance(1)
    expect(query.error).toBeInstanceOf(QueryTimeoutError)
    expect(query.error?.cause).toBeInstanceOf(ConnectionLostError)
    expect(server.closed).toHaveLength(1)
    expect(bench.outcomes).toEqual(['lost'])
    const next = server.query(lease, 'next')
    await settled()
    expect(next.error).toBeInstanceOf(ConnectionLostError)
    lease.end(ended)
    expect(bench.pool.stats()).toMatchObject({ total: 0 })
  })

  test('a server that has answered the request to stop gets the time to do so, and no more than that', async () => {
    const { query, server, clock } = await overdue()
    server.cancels[0]?.resolve()
    await clock.advance(49)
    expect(server.closed).toHaveLength(0)
    for (let ms = 0; ms < 700; ms++) {
      server.cancels[0]?.resolve()
      await clock.advance(1)
    }
    expect(server.closed).toHaveLength(0)
    await clock.advance(1)
    expect(server.closed).toHaveLength(1)
    expect(query.error).toBeInstanceOf(QueryTimeoutError)
  })

  test('an answer that comes in the last instant is the answer', async () => {
    const { query, server } = await overdue()
    server.at('slow').answer('rows')
    await settled()
    expect(query).toMatchObject({ state: 'fulfilled', value: 'rows' })
  })

  test('its time begins with its turn, not when it was asked for', async () => {
    const bench = new LeaseBench({ queryTimeoutMs: LIMIT_MS })
    const { server, clock } = bench
    const lease = await bench.heldLease()
    for (const text of ['a', 'b', 'c']) server.query(lease, text)
    for (const text of ['a', 'b', 'c']) {
      await clock.advance(LIMIT_MS - 1)
      server.at(text).answer()
      await settled()
    }
    expect(server.log).not.toContain('cancel')
  })

  test("the shorter of the query's own limit and queryTimeoutMs holds", async () => {
    const bench = new LeaseBench({ queryTimeoutMs: LIMIT_MS })
    const { server, clock } = bench
    const lease = await bench.heldLease()
    for (const [ms, error] of [
      [100, 'own'],
      [1000, 'A query on shard'],
    ] as const) {
      const limit = { ms, atEnd: 'cancel', error: () => new Error('own') } as const
      const query = new Outcome(lease.run(lease.root, (raw) => server.send(lease, raw, 'slow'), limit))
      await clock.advance(Math.min(ms, LIMIT_MS))
      server.at('slow').fail(cancelled())
      server.cancels[0]?.resolve()
      await settled()
      expect(query.error?.message).toContain(error)
    }
  })

  test('a query of a raw connection, whose promise is known, is held to it', async () => {
    const bench = new LeaseBench({ queryTimeoutMs: LIMIT_MS })
    const { server, clock } = bench
    const lease = await bench.heldLease()
    const query = new Outcome(lease.track(server.send(lease, lease.connection as RawConnection, 'raw')))
    await clock.advance(LIMIT_MS + 40)
    expect(query.error).toBeInstanceOf(QueryTimeoutError)
  })

  test('a fetch of a stream is held to it', async () => {
    const bench = new LeaseBench({ queryTimeoutMs: LIMIT_MS })
    const { server, clock } = bench
    const lease = await bench.heldLease()
    const overdue: unknown[] = []
    const fetched = lease.begin((error) => overdue.push(error))
    await clock.advance(LIMIT_MS - 1)
    fetched()
    const again = lease.begin((error) => overdue.push(error))
    await clock.advance(LIMIT_MS - 1)
    expect(overdue).toEqual([])
    await clock.advance(1)
    expect(overdue).toEqual([expect.any(QueryTimeoutError)])
    expect(server.cancels).toHaveLength(1)
    again()
  })
})

describe('what must not be cancelled, or is not worth it', () => {
  function send(lease: Lease, bench: LeaseBench, limit = lease.commitLimit): Outcome {
    lease.protectFromCancel(true)
    return new Outcome(lease.run(lease.root, (raw) => bench.server.send(lease, raw, 'COMMIT'), limit))
  }

  test('fault 23: a COMMIT is never cancelled: at its limit the connection is destroyed', async () => {
    const bench = new LeaseBench({ queryTimeoutMs: LIMIT_MS })
    const lease = await bench.heldLease()
    const commit = send(lease, bench)
    await bench.clock.advance(LIMIT_MS - 1)
    expect(commit.state).toBe('pending')
    await bench.clock.advance(1)
    expect(commit.state).toBe('rejected')
    expect(bench.server.log).toEqual(['COMMIT', 'close'])
  })

  test('fault 23: the last query of a turn that takes too long costs the connection', async () => {
    const bench = new LeaseBench()
    const lease = await bench.heldLease()
    const turn = { holder: 'transaction trx1', inner: lease.root.inner() }
    await lease.enter(lease.root, turn, () => {})
    const limit = { ms: 250, atEnd: 'destroy', error: (cause: unknown) => cause } as const
    const restored = new Outcome(
      lease.restore(lease.root, turn, (raw) => bench.server.send(lease, raw, 'ROLLBACK'), limit),
    )
    await bench.clock.advance(249)
    expect(restored.state).toBe('pending')
    await bench.clock.advance(1)
    expect(restored.state).toBe('fulfilled')
    expect(bench.server.log).toEqual(['ROLLBACK', 'close'])
    lease.leave(lease.root, turn)
    lease.end(ended)
    expect(bench.clock.deadlines.size).toBe(0)
  })
})

describe('a connection that broke', () => {
  test('L8: a fatal error is told as such, with its cause, and the connection is not lent again', async () => {
    const bench = new LeaseBench({ max: 1 })
    const { server } = bench
    const lease = await bench.heldLease()
    const fatal = Object.assign(new Error('terminating connection'), { code: '57P01' })
    server.failures.set(fatal, 'lost')
    const query = server.query(lease, 'a')
    server.at('a').fail(fatal)
    await settled()
    expect(query.error).toBeInstanceOf(ConnectionLostError)
    expect(query.error).toMatchObject({ cause: fatal, statusCode: 503, retryable: false, shard: 'shard_0' })
    expect(bench.outcomes).toEqual(['lost'])
    lease.end(ended)
    await settled()
    expect(server.closed).toHaveLength(1)
    await bench.heldLease()
    expect(server.openedCount).toBe(2)
  })

  test('L8: a connection that is unfit for others is not lent again; its error is as the driver has it', async () => {
    const bench = new LeaseBench({ max: 1 })
    const { server } = bench
    const lease = await bench.heldLease()
    const readOnly = Object.assign(new Error('cannot execute INSERT'), { code: '25006' })
    server.failures.set(readOnly, 'unfit')
    const query = server.query(lease, 'a')
    server.at('a').fail(readOnly)
    await settled()
    expect(query.error).toBe(readOnly)
    lease.end(ended)
    expect(server.closed).toHaveLength(1)
  })

  test('fault 14: on a connection that is known to be gone nothing is sent', async () => {
    const bench = new LeaseBench({ max: 1 })
    const lease = await bench.heldLease()
    const reason = new Error('terminating connection due to administrator command')
    ;(lease.connection as RawConnection).__knex__disposed = reason
    const query = bench.server.query(lease, 'a')
    await settled()
    expect(query.error).toBeInstanceOf(ConnectionLostError)
    expect(query.error?.cause).toBe(reason)
    expect(bench.server.log).toEqual([])
  })

  test('every query tells that the server has answered, whatever the answer', async () => {
    const bench = new LeaseBench()
    const lease = await bench.heldLease()
    bench.server.query(lease, 'a')
    bench.server.at('a').answer()
    await settled()
    bench.server.query(lease, 'b')
    bench.server.at('b').fail(Object.assign(new Error('syntax'), { code: '42601' }))
    await settled()
    expect(bench.outcomes).toEqual(['answered', 'answered'])
  })
})

describe('a client that has gone', () => {
  test('L7: what runs is stopped, what was asked for never runs, inside of transactions too; what comes later does', async () => {
    const bench = new LeaseBench({ max: 1 })
    const { server } = bench
    const lease = await bench.heldLease()
    const turn = { holder: 'transaction trx1', inner: lease.root.inner() }
    const work = { owner: {}, abandon: () => {} }
    await lease.enter(lease.root, turn, () => lease.addOpenWork(work))
    const running = server.query(lease, 'running', turn.inner)
    const queued = [server.query(lease, 'inside', turn.inner), server.query(lease, 'outside')]
    lease.cancelAll(new Error('gone'))
    lease.detach('detach')
    const rollback = server.query(lease, 'ROLLBACK', turn.inner)
    await settled()
    expect(queued.map(({ error }) => error?.code)).toEqual([
      'SHARD_ERR_CHECKOUT_ABORTED',
      'SHARD_ERR_CHECKOUT_ABORTED',
    ])
    server.at('running').fail(cancelled())
    server.cancels[0]?.resolve()
    await settled()
    server.at('ROLLBACK').answer()
    await settled()
    lease.removeOpenWork(work)
    lease.leave(lease.root, turn)
    expect([running.state, rollback.state]).toEqual(['rejected', 'fulfilled'])
    const later = server.query(lease, 'later')
    await settled()
    server.at('later').answer()
    await settled()
    expect(later.state).toBe('fulfilled')
    expect(bench.detachedCount).toBe(1)
    expect(bench.pool.stats()).toMatchObject({ active: 0 })
  })
})

test('L2: a transaction that was told to end keeps nobody from handing the connection back after it', async () => {
  const bench = new LeaseBench()
  const lease = await bench.heldLease()
  const turn = { holder: 'transaction trx1', inner: lease.root.inner() }
  await lease.enter(lease.root, turn, () => {})
  await expect(lease.release(lease.root)).rejects.toMatchObject({ code: 'SHARD_ERR_LEASE_BLOCKED' })
  turn.inner.close(ended)
  const { promise, resolve } = deferred()
  const released = new Outcome(lease.release(lease.root))
  void promise.then(() => lease.leave(lease.root, turn))
  await settled()
  expect(released.state).toBe('pending')
  resolve()
  await settled()
  expect(released.state).toBe('fulfilled')
  expect(lease.isHeld).toBe(false)
})
