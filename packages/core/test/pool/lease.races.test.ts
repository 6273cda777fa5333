import { isLong, scaled } from '@sherd/local-servers/test-scale'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ScopeEndedError } from '../../src/errors.ts'
import type { Lease } from '../../src/pool/lease.ts'
import type { RawConnection } from '../../src/pool/raw-connection.ts'
import type { FakeResource } from '../support/fake-driver.ts'
import { LeaseBench } from '../support/lease-bench.ts'
import { Outcome } from '../support/outcome.ts'
import { settled } from '../support/settled.ts'

/** A schedule takes about a millisecond, and several where other tests run beside. */
const TIMEOUT_MS = isLong ? 1_800_000 : 120_000

const ended = () => new ScopeEndedError('the function has settled')

/** What may happen to a lease at any instant, beside its queries. */
const INTERRUPTIONS = {
  end: (lease: Lease) => lease.end(ended),
  'leave the queue and detach': (lease: Lease) => {
    lease.leaveQueue()
    lease.detach('detach')
  },
  'detach, refusing': (lease: Lease) => lease.detach('reject'),
  cancel: (lease: Lease) => void lease.cancelRunning(),
  'cancel and detach': (lease: Lease) => {
    void lease.cancelRunning()
    lease.detach('detach')
  },
  'cancel all': (lease: Lease) => lease.cancelAll(new Error('the client has gone')),
  'abort, as a request does': (lease: Lease) => {
    lease.leaveQueue()
    lease.cancelAll(new Error('the client has gone'))
    lease.detach('detach')
  },
  'lose the connection': (lease: Lease) => {
    const connection = lease.connection as (RawConnection & FakeResource) | undefined
    if (connection === undefined) return
    connection.isUsable = false
    connection.__knex__disposed = 'ECONNRESET'
  },
  release: (lease: Lease) => void lease.release(lease.root).catch(() => {}),
}

const user = fc.record({
  checkout: fc.constantFrom('eager', 'lazy'),
  /** Queries side by side; with a transaction one of them has two inside. */
  queries: fc.integer({ min: 0, max: 3 }),
  transaction: fc.boolean(),
  /** How many fetches of a stream. */
  fetches: fc.nat({ max: 3 }),
  interruptions: fc.array(
    fc.record({
      what: fc.constantFrom(...(Object.keys(INTERRUPTIONS) as (keyof typeof INTERRUPTIONS)[])),
      /** The instant within a chain of promises, after the scheduler let it happen. */
      microtasks: fc.nat({ max: 12 }),
    }),
    { maxLength: 2 },
  ),
})

type User = typeof user extends fc.Arbitrary<infer U> ? U : never

test(
  'fault 3: whatever coincides, a connection has one owner, is given back once and carries no stranger',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(user, { minLength: 1, maxLength: 4 }),
        fc.record({
          max: fc.integer({ min: 1, max: 2 }),
          resets: fc.boolean(),
          /** Every so many resets, cancels and queries fail. */
          fails: fc.integer({ min: 2, max: 7 }),
          /** Steps of time, each longer than a query may take where that is limited. */
          timeouts: fc.nat({ max: 2 }),
          queryTimeoutMs: fc.constantFrom(null, 500),
          /** Whether a failed query says that its session has ended. */
          isFatal: fc.boolean(),
        }),
        async (scheduler, users, { max, resets, fails, timeouts, queryTimeoutMs, isFatal }) => {
          let calls = 0
          const someday = (label: string) => scheduler.schedule(Promise.resolve(label), label)
          const somehow = async (label: string) => {
            await someday(label)
            if (++calls % fails !== 0) return
            const error = new Error(`${label} failed`)
            if (isFatal && calls % 2 === 0) bench.server.failures.set(error, 'lost')
            throw error
          }
          const bench = new LeaseBench(
            { max, queryTimeoutMs },
            {
              open: () => someday('open').then(() => {}),
              reset: resets ? () => somehow('reset') : 'nothing',
              close: () => someday('close').then(() => {}),
            },
          )
          const { server, pool, clock } = bench
          server.onQuery = (query) => void somehow(query.text).then(query.answer, query.fail)
          server.onCancel = (cancel) =>
            void somehow('cancel').then(() => {
              // The server stops the query before or after it has closed the socket, or was asked too early.
              const query = server.running.find(({ connection }) => connection === cancel.connection)
              if (calls % 3 !== 0) query?.fail(new Error('cancelled'))
              cancel.resolve()
            }, cancel.reject)

          const outcomes: Outcome[] = []
          const leases = users.map((user) => start(user))
          for (let count = 0; count < timeouts; count++) void someday('time').then(() => clock.jump(900))

          function start(user: User): Lease {
            const lease = bench.lease()
            for (const { what, microtasks } of user.interruptions) void interrupt(lease, what, microtasks)
            outcomes.push(new Outcome(live(lease, user)))
            return lease
          }

          async function interrupt(lease: Lease, what: keyof typeof INTERRUPTIONS, microtasks: number) {
            await someday(what)
            for (let count = 0; count < microtasks; count++) await null
            INTERRUPTIONS[what](lease)
          }

          async function live(
            lease: Lease,
            { checkout, queries, transaction, fetches }: User,
          ): Promise<void> {
            if (checkout === 'eager') await lease.checkout()
            await Promise.allSettled([
              ...Array.from({ length: queries }, (_, index) =>
                lease.run(lease.root, (connection) => server.send(lease, connection, `query ${index}`)),
              ),
              transaction ? transact(lease) : undefined,
              fetches > 0 ? stream(lease, fetches) : undefined,
            ])
            await someday('finish')
            lease.end(ended)
          }

          async function transact(lease: Lease): Promise<void> {
            const inner = lease.root.inner()
            const turn = { holder: 'transaction trx1', inner }
            const work = { owner: {}, abandon: () => {} }
            await lease.enter(lease.root, turn, () => lease.addOpenWork(work))
            const connection = lease.connection
            try {
              await Promise.allSettled(
                ['inside 1', 'inside 2'].map((text) =>
                  lease.run(inner, (raw) => {
                    if (raw !== connection) server.violations.push(`${text} ran outside of its transaction`)
                    return server.send(lease, raw, text)
                  }),
                ),
              )
            } finally {
              lease.removeOpenWork(work)
              lease.leave(lease.root, turn)
            }
          }

          async function stream(lease: Lease, fetches: number): Promise<void> {
            const turn = { holder: 'a stream', inner: undefined }
            let isOver = false
            const end = () => {
              if (isOver) return
              isOver = true
              lease.removeOpenWork(work)
              lease.leave(lease.root, turn)
            }
            const work = { owner: {}, isStream: true, abandon: end }
            await lease.enter(lease.root, turn, () => lease.addOpenWork(work))
            const connection = lease.connection as RawConnection
            try {
              for (let fetch = 0; fetch < fetches && !isOver; fetch++) {
                const settle = lease.begin(end)
                await server.send(lease, connection, `fetch ${fetch}`).finally(settle)
              }
            } finally {
              end()
            }
          }

          for (let round = 0; round < 40 && outcomes.some(({ state }) => state === 'pending'); round++) {
            await scheduler.waitIdle()
            await settled()
            await clock.advance(500)
          }
          for (const lease of leases) lease.end(ended)
          await scheduler.waitIdle()
          await clock.advance(5000)
          await scheduler.waitIdle()
          await settled()

          expect(server.violations).toEqual([])
          expect(outcomes.map(({ state }) => state)).not.toContain('pending')
          expect(server.running).toEqual([])
          expect(pool.stats()).toMatchObject({ active: 0, waiting: 0 })
          expect(server.peak).toBeLessThanOrEqual(max)
          expect(clock.deadlines.size).toBe(0)
          void pool.close(1000)
          await scheduler.waitIdle()
          await settled()
          expect(server.held).toBe(0)
          expect(server.openedCount).toBe(server.closed.length)
        },
      ),
      { numRuns: scaled(100_000) },
    )
  },
  TIMEOUT_MS,
)
