import type { Readable } from 'node:stream'
import { db } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { describe, expect, it, onTestFinished } from 'vitest'
import { backendPid } from '../../core/test/support/backend-pid.ts'
import { barrier } from '../../core/test/support/barrier.ts'
import { deferred } from '../../core/test/support/deferred.ts'
import { ServerView } from '../../core/test/support/server-view.ts'
import { until } from '../../core/test/support/until.ts'
import type { StartApp } from './host.ts'
import { atRest, openShard, poolOf, type Routes, start } from './support/application.ts'

const url = await createDatabase()

/** Every way to reach the backend: three queries, a transaction, streams that are iterated and that flow. */
async function everyBackend(meet: () => Promise<void>): Promise<number[]> {
  const pids = [await backendPid(db)]
  await meet()
  pids.push(await backendPid(db))
  const row = await db.select(db.raw('pg_backend_pid() as pid')).first()
  pids.push(row.pid)
  pids.push(...(await db.transaction(async (trx) => [await backendPid(trx), await backendPid(db)])))
  const rows = db.raw('select pg_backend_pid() as pid from generate_series(1, 3)')
  for await (const { pid } of rows.stream() as unknown as AsyncIterable<{ pid: number }>) pids.push(pid)
  const flowing = db.raw('select pg_backend_pid() as pid from generate_series(1, 3)').stream() as Readable
  await new Promise((resolve, reject) => {
    flowing
      .on('data', ({ pid }) => pids.push(pid))
      .on('end', resolve)
      .on('error', reject)
  })
  await db.schema.hasTable('nothing')
  pids.push(await backendPid(db))
  return pids
}

export function describeOneConnection(name: string, startApp: StartApp): void {
  describe(`a request in ${name}`, () => {
    it('L1: has one connection for all it does: 10 at once on a pool of 10 have 10 backends, and the 11th waits', async () => {
      const sharding = openShard(url, { max: 10, checkoutTimeoutMs: 60_000 })
      const allHere = barrier(11)
      const checked = deferred()
      const meet = async () => {
        await allHere()
        await checked.promise
      }
      const app = await start(startApp, {
        sharding,
        routes: (routes) => {
          routes.get('/all', async (_req, res) => res.json(await everyBackend(() => meet())))
          routes.get('/one', async (_req, res) => res.json(await backendPid(db)))
        },
      })
      const ten = Promise.all(
        Array.from({ length: 10 }, (_, index) => app.json<number[]>('/all', index % 2 ? 'acme' : 'globex')),
      )
      await allHere()
      let isAnswered = false
      const eleventh = app.json('/one', 'acme').then((pid) => {
        isAnswered = true
        return pid
      })
      await until(() => poolOf(sharding).waiting === 1)
      expect(poolOf(sharding)).toMatchObject({ total: 10, active: 10, idle: 0, max: 10, utilization: 100 })
      expect(isAnswered).toBe(false)
      checked.resolve()
      const pids = await ten
      expect(pids.map((own) => new Set(own).size)).toEqual(Array(10).fill(1))
      expect(pids.map((own) => own.length)).toEqual(Array(10).fill(12))
      const distinct = new Set(pids.flat())
      expect(distinct.size).toBe(10)
      expect(distinct).toContain(await eleventh)
      await atRest(sharding)
      expect(poolOf(sharding).detachedCount).toBe(0)
    })

    it('L1: is refused with 503 when no connection comes free before the deadline, and says nothing of why', async () => {
      const sharding = openShard(url, { max: 2, checkoutTimeoutMs: 1000 })
      const done = deferred()
      onTestFinished(() => done.resolve())
      const app = await start(startApp, {
        sharding,
        routes: (routes) => {
          routes.get('/held', async (_req, res) => res.json(await done.promise.then(() => 'held')))
          routes.get('/one', async (_req, res) => res.json(await backendPid(db)))
        },
      })
      const held = [app.json('/held', 'acme'), app.json('/held', 'acme')]
      await until(() => poolOf(sharding).active === 2)
      const since = performance.now()
      const response = await app.ask('/one', 'globex')
      expect(performance.now() - since).toBeLessThan(10_000)
      expect(response.status).toBe(503)
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      expect(response.headers.get('cache-control')).toBe('no-store')
      const retryAfter = Number(response.headers.get('retry-after'))
      expect([1, 2]).toContain(retryAfter)
      expect(await response.json()).toEqual({
        type: 'about:blank',
        title: 'Service temporarily unavailable',
        status: 503,
        code: 'SHARD_ERR_CHECKOUT_TIMEOUT',
        error: 'Service temporarily unavailable',
        shard: 'shard_0',
        retryAfter,
      })
      done.resolve()
      await expect(Promise.all(held)).resolves.toEqual(['held', 'held'])
      await expect(app.json('/one', 'globex')).resolves.toBeGreaterThan(0)
      await atRest(sharding)
    })

    it('L3: runs twenty queries side by side on its one connection, with right answers and no warning', async () => {
      const sharding = openShard(url)
      const warnings = heardWarnings()
      const app = await start(startApp, {
        sharding,
        routes: (routes) => {
          routes.get('/twenty', async (_req, res) => {
            const results = await Promise.all(
              Array.from({ length: 20 }, (_, n) =>
                db.raw('select ?::int as n, pg_backend_pid() as pid', [n]),
              ),
            )
            res.json(results.map(({ rows }) => rows[0]))
          })
        },
      })
      const rows = await app.json<{ n: number; pid: number }[]>('/twenty', 'acme')
      expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: 20 }, (_, n) => n))
      expect(new Set(rows.map(({ pid }) => pid)).size).toBe(1)
      await atRest(sharding)
      expect(warnings).toEqual([])
      expect(poolOf(sharding).total).toBe(1)
    })

    it("L4: keeps exactly one transaction's rows when the one beside it throws, and a plain query's beside both", async () => {
      const sharding = openShard(url, { max: 1 })
      const server = await ServerView.open(url)
      await server.query('drop table if exists beside; create table beside (name text)')
      const app = await start(startApp, {
        sharding,
        routes: (routes) => {
          routes.get('/beside', async (_req, res) => {
            const insert = (name: string) => db('beside').insert({ name })
            const outcomes = await Promise.allSettled([
              db.transaction(async () => {
                await insert('lost 1')
                await insert('lost 2')
                throw new Error('rolled back')
              }),
              db.transaction(async (trx) => {
                await trx('beside').insert({ name: 'kept 1' })
                await insert('kept 2')
              }),
              insert('plain'),
            ])
            res.json(outcomes.map(({ status }) => status))
          })
        },
      })
      await expect(app.json('/beside', 'acme')).resolves.toEqual(['rejected', 'fulfilled', 'fulfilled'])
      const rows = await server.query<{ name: string }>('select name from beside order by name')
      expect(rows.map(({ name }) => name)).toEqual(['kept 1', 'kept 2', 'plain'])
      await atRest(sharding)
    })

    it('L2: takes its connection before the handler when it has no body, and with the first query when told to', async () => {
      const sharding = openShard(url)
      const routes = (app: Routes) => {
        app.all('/', async (_req, res) => {
          const before = poolOf(sharding).active
          await db.raw('select 1')
          res.json([before, poolOf(sharding).active])
        })
      }
      const auto = await start(startApp, { sharding, routes })
      await expect(auto.json('/', 'acme')).resolves.toEqual([1, 1])
      await atRest(sharding)
      await expect(auto.json('/', 'acme', { method: 'DELETE' })).resolves.toEqual([1, 1])
      await atRest(sharding)
      await expect(auto.json('/', 'acme', { method: 'POST' })).resolves.toEqual([1, 1])
      await atRest(sharding)
      // Taken before the handler where the framework has read the body, else with the first query.
      await expect(auto.json('/', 'acme', { method: 'POST', body: 'read or not' })).resolves.toEqual([
        expect.toBeOneOf([0, 1]),
        1,
      ])
      await atRest(sharding)
      const lazy = await start(startApp, { sharding, routes, options: { checkout: 'lazy' } })
      await expect(lazy.json('/', 'acme')).resolves.toEqual([0, 1])
      await atRest(sharding)
      const eager = await start(startApp, { sharding, routes, options: { checkout: 'eager' } })
      await expect(eager.json('/', 'acme', { method: 'POST', body: 'unread' })).resolves.toEqual([1, 1])
      await atRest(sharding)
    })
  })
}

function heardWarnings(): string[] {
  const warnings: string[] = []
  const hear = (warning: Error) => warnings.push(warning.message)
  process.on('warning', hear)
  onTestFinished(() => {
    process.off('warning', hear)
  })
  return warnings
}
