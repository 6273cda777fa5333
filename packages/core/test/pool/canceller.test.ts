import { describe, expect, test } from 'vitest'
import { ConnectionLostError, ScopeEndedError } from '../../src/errors.ts'
import { LeaseBench } from '../support/lease-bench.ts'
import { Outcome } from '../support/outcome.ts'
import { settled } from '../support/settled.ts'

const ended = () => new ScopeEndedError('the function has settled')

/** A lease whose query runs. */
async function busyLease(options: ConstructorParameters<typeof LeaseBench>[1] = {}) {
  const bench = new LeaseBench({ max: 1 }, options)
  const lease = await bench.heldLease()
  const query = bench.server.query(lease, 'slow')
  return { ...bench, bench, lease, query }
}

function cancelsOf(log: readonly string[]): number {
  return log.filter((entry) => entry === 'cancel').length
}

describe('L7: cancelling', () => {
  test('nothing is cancelled when nothing runs', async () => {
    const bench = new LeaseBench()
    await bench.lease().cancelRunning()
    const lease = await bench.heldLease()
    await lease.cancelRunning()
    expect(bench.server.log).toEqual([])
  })

  test('a cancel is sent once while it is on its way, however often it is asked for', async () => {
    const { server, lease, query } = await busyLease()
    const cancelling = lease.cancelRunning()
    expect(lease.cancelRunning()).toBe(cancelling)
    expect(server.log).toEqual(['slow', 'cancel'])
    server.at('slow').fail(new Error('canceling statement due to user request'))
    server.cancels[0]?.resolve()
    await cancelling
    expect(query.error?.message).toContain('canceling statement')
    expect(server.log).toEqual(['slow', 'cancel'])
  })

  test('the next query is sent only when the query has settled and the server has closed the socket of the cancel', async () => {
    const { server, lease, query, clock } = await busyLease()
    server.query(lease, 'next')
    void lease.cancelRunning()
    server.at('slow').fail(new Error('cancelled'))
    await clock.advance(499)
    expect(query.state).toBe('rejected')
    expect(server.texts).toEqual([])
    server.cancels[0]?.resolve()
    await settled()
    expect(server.texts).toEqual(['next'])
    expect(server.violations).toEqual([])
  })

  test('a connection whose cancel the server does not answer is destroyed, though its query has settled', async () => {
    const { server, lease, bench, clock } = await busyLease()
    const next = bench.lease()
    const successor = server.query(next, 'next')
    void lease.cancelRunning()
    lease.end(ended)
    server.at('slow').fail(new Error('cancelled'))
    await clock.advance(499)
    expect(server.closed).toHaveLength(0)
    await clock.advance(1)
    expect(server.closed).toHaveLength(1)
    server.at('next').answer()
    await settled()
    expect(successor.state).toBe('fulfilled')
    expect(server.openedCount).toBe(2)
    expect(server.violations).toEqual([])
  })

  test('the next query waits for the query, too', async () => {
    const { server, lease, clock } = await busyLease()
    server.query(lease, 'next')
    void lease.cancelRunning()
    server.cancels[0]?.resolve()
    await settled()
    expect(server.texts).toEqual(['slow'])
    server.at('slow').answer('it was done already')
    await settled()
    expect(server.texts).toEqual(['next'])
    expect(clock.deadlines.size).toBe(0)
    expect(cancelsOf(server.log)).toBe(1)
  })

  test.each(['end', 'detach'] as const)(
    'after %s the connection is handed on only when both have settled',
    async (way) => {
      const { server, lease, bench, clock } = await busyLease()
      const next = bench.lease()
      server.query(next, 'next')
      void lease.cancelRunning()
      if (way === 'end') lease.end(ended)
      else lease.detach('detach')
      server.at('slow').fail(new Error('cancelled'))
      await clock.advance(100)
      expect(server.texts).toEqual([])
      server.cancels[0]?.resolve()
      await settled()
      expect(server.texts).toEqual(['next'])
      expect(server.violations).toEqual([])
    },
  )

  test('a turn of another kind that is left while a cancel is on its way passes on only after it', async () => {
    const bench = new LeaseBench()
    const { server } = bench
    const lease = await bench.heldLease()
    const turn = { holder: 'withRawConnection()', inner: undefined }
    await lease.enter(lease.root, turn, (connection) => {
      new Outcome(lease.track(server.send(lease, connection, 'raw')))
    })
    server.query(lease, 'next')
    void lease.cancelRunning()
    server.at('raw').fail(new Error('cancelled'))
    await settled()
    lease.leave(lease.root, turn)
    await settled()
    expect(server.texts).toEqual([])
    server.cancels[0]?.resolve()
    await settled()
    expect(server.texts).toEqual(['next'])
    expect(server.violations).toEqual([])
  })

  test('the last query of a transaction waits for a cancel that is on its way', async () => {
    const bench = new LeaseBench()
    const { server } = bench
    const lease = await bench.heldLease()
    const inner = lease.root.inner()
    const turn = { holder: 'transaction trx1', inner }
    await lease.enter(lease.root, turn, () => {})
    server.query(lease, 'slow', inner)
    void lease.cancelRunning()
    server.at('slow').fail(new Error('cancelled'))
    const restored = new Outcome(
      lease.restore(lease.root, turn, (connection) => server.send(lease, connection, 'ROLLBACK')),
    )
    await settled()
    expect(server.texts).toEqual([])
    server.cancels[0]?.resolve()
    await settled()
    server.at('ROLLBACK').answer()
    await settled()
    expect(restored.state).toBe('fulfilled')
    expect(server.violations).toEqual([])
  })

  test('a cancel that overtook its query is repeated after 50, 100, 200 ms', async () => {
    const { server, lease, clock } = await busyLease()
    void lease.cancelRunning()
    const sentAt: number[] = []
    for (let ms = 0; ms < 700; ms++) {
      if (server.cancels.length > 0) {
        sentAt.push(clock.now())
        server.cancels[0]?.resolve()
      }
      await clock.advance(1)
    }
    expect(sentAt).toEqual([0, 50, 150, 350])
  })

  test('a query that settles between two cancels ends the repetition', async () => {
    const { server, lease, query, clock } = await busyLease()
    const cancelling = lease.cancelRunning()
    server.cancels[0]?.resolve()
    await clock.advance(70)
    server.cancels[0]?.resolve()
    server.at('slow').fail(new Error('cancelled'))
    await cancelling
    expect(clock.deadlines.size).toBe(0)
    await clock.advance(5000)
    expect(query.state).toBe('rejected')
    expect(cancelsOf(server.log)).toBe(2)
  })

  test('a cancel is repeated until everything that the lease has on the wire has settled', async () => {
    const bench = new LeaseBench()
    const { server, clock } = bench
    const lease = await bench.heldLease()
    const turn = { holder: 'withRawConnection()', inner: undefined }
    await lease.enter(lease.root, turn, (connection) => {
      for (const text of ['first', 'second']) new Outcome(lease.track(server.send(lease, connection, text)))
    })
    const cancelling = new Outcome(lease.cancelRunning())
    server.cancels[0]?.resolve()
    await settled()
    server.at('first').fail(new Error('cancelled'))
    await clock.advance(50)
    expect(cancelling.state).toBe('pending')
    expect(cancelsOf(server.log)).toBe(2)
    server.at('second').fail(new Error('cancelled'))
    server.cancels[0]?.resolve()
    await settled()
    expect(cancelling.state).toBe('fulfilled')
  })

  test('a cancel that cannot be sent is repeated like one that was lost', async () => {
    const { server, lease, clock } = await busyLease()
    void lease.cancelRunning()
    server.cancels[0]?.reject(new Error('ECONNREFUSED'))
    await clock.advance(50)
    expect(cancelsOf(server.log)).toBe(2)
  })

  test('when nothing helps the connection is destroyed, once, and its place goes to the next', async () => {
    const { server, lease, query, bench, clock } = await busyLease()
    const next = bench.lease()
    server.query(next, 'next')
    const cancelling = new Outcome(lease.cancelRunning())
    for (let ms = 0; ms < 750; ms += 10) {
      expect(query.state).toBe('pending')
      server.cancels[0]?.resolve()
      await clock.advance(10)
    }
    await clock.advance(1)
    expect(cancelsOf(server.log)).toBe(4)
    expect(query.state).toBe('rejected')
    expect(cancelling.state).toBe('fulfilled')
    expect(server.closed).toHaveLength(1)
    expect(server.texts).toEqual(['next'])
    lease.end(ended)
    await settled()
    expect(server.closed).toHaveLength(1)
    expect(bench.pool.stats()).toMatchObject({ total: 1, active: 1 })
    expect(server.violations).toEqual([])
  })

  test('a scope whose connection had to be destroyed does not move to another one unseen', async () => {
    const { server, lease, clock } = await busyLease()
    void lease.cancelRunning()
    for (let ms = 0; ms < 800; ms += 10) {
      server.cancels[0]?.resolve()
      await clock.advance(10)
    }
    const late = server.query(lease, 'late')
    await settled()
    expect(late.error).toBeInstanceOf(ConnectionLostError)
    expect(server.openedCount).toBe(1)
  })

  test('nothing is cancelled while a COMMIT is on its way', async () => {
    const { server, lease } = await busyLease()
    lease.protectFromCancel(true)
    await lease.cancelRunning()
    expect(cancelsOf(server.log)).toBe(0)
    lease.protectFromCancel(false)
    void lease.cancelRunning()
    expect(cancelsOf(server.log)).toBe(1)
  })
})

describe('the last query of a turn', () => {
  async function turnHeld() {
    const bench = new LeaseBench({ max: 1 })
    const lease = await bench.heldLease()
    const turn = { holder: 'transaction trx1', inner: lease.root.inner() }
    await lease.enter(lease.root, turn, () => {})
    const restore = () =>
      new Outcome(
        lease.restore(lease.root, turn, (connection) => bench.server.send(lease, connection, 'ROLLBACK')),
      )
    return { bench, server: bench.server, lease, turn, restore }
  }

  test('L4: it runs although the lane inside refuses by now, and before the turn passes on', async () => {
    const { server, lease, turn, restore } = await turnHeld()
    server.query(lease, 'next')
    turn.inner.close(ended)
    const restored = restore()
    await settled()
    expect(server.texts).toEqual(['ROLLBACK'])
    server.at('ROLLBACK').answer()
    await settled()
    expect(restored.state).toBe('fulfilled')
    expect(server.texts).toEqual([])
    lease.leave(lease.root, turn)
    await settled()
    expect(server.texts).toEqual(['next'])
  })

  test('L8: a connection that cannot be restored is destroyed, once', async () => {
    const { bench, server, lease, turn, restore } = await turnHeld()
    const restored = restore()
    await settled()
    server.at('ROLLBACK').fail(new Error('broken'))
    await settled()
    expect(restored.state).toBe('fulfilled')
    expect(server.closed).toHaveLength(1)
    lease.leave(lease.root, turn)
    lease.end(ended)
    await settled()
    expect(server.closed).toHaveLength(1)
    expect(bench.pool.stats()).toMatchObject({ total: 0, active: 0 })
  })

  test('a connection is destroyed once, although nothing could stop its last query', async () => {
    const { bench, server, lease, restore } = await turnHeld()
    const restored = restore()
    await settled()
    void lease.cancelRunning()
    for (let ms = 0; ms < 800; ms += 10) {
      server.cancels[0]?.resolve()
      await bench.clock.advance(10)
    }
    expect(restored.state).toBe('fulfilled')
    expect(server.closed).toHaveLength(1)
  })

  test('a lease that has ended while a query of the turn runs sends nothing behind it', async () => {
    const { server, lease, turn, restore } = await turnHeld()
    server.query(lease, 'inside', turn.inner)
    lease.end(ended)
    const restored = restore()
    await settled()
    expect(restored.state).toBe('fulfilled')
    expect(server.texts).toEqual(['inside'])
  })

  test('a lease that has ended leaves it to the pool', async () => {
    const { server, lease, restore } = await turnHeld()
    lease.end(ended)
    const restored = restore()
    await settled()
    expect(restored.state).toBe('fulfilled')
    expect(server.log).toEqual(['reset'])
  })

  test('a lease that ends meanwhile gives its connection back when it has settled', async () => {
    const { bench, server, lease, restore } = await turnHeld()
    restore()
    await settled()
    lease.end(ended)
    expect(bench.pool.stats().active).toBe(1)
    server.at('ROLLBACK').answer()
    await settled()
    expect(bench.pool.stats()).toMatchObject({ active: 0, idle: 1 })
    expect(server.violations).toEqual([])
  })
})
