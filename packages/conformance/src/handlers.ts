import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { request } from 'node:http'
import { currentScope, db, type Sharding } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { backendPid } from '../../core/test/support/backend-pid.ts'
import { deferred } from '../../core/test/support/deferred.ts'
import { ServerView } from '../../core/test/support/server-view.ts'
import { until } from '../../core/test/support/until.ts'
import type { StartApp } from './host.ts'
import {
  atRest,
  type Options,
  openShard,
  poolOf,
  type Routes,
  type RunningApplication,
  start,
} from './support/application.ts'

const url = await createDatabase()
let server: ServerView

const notes = async () =>
  (await server.query<{ note: string }>('select note from notes order by note')).map(({ note }) => note)

export function describeHandlers(name: string, startApp: StartApp): void {
  describe(`a handler in ${name}`, () => {
    beforeEach(async () => {
      server = await ServerView.open(url)
      await server.query('drop table if exists notes; create table notes (note text)')
    })

    const application = (sharding: Sharding, routes: (app: Routes) => void, options: Options = {}) =>
      start(startApp, {
        sharding,
        options,
        routes: (app) => {
          routes(app)
          app.get('/next', async (_req, res) => res.json(await backendPid(db)))
        },
      })

    /** The one connection of the pool is free, clean and in use again. */
    async function serves(app: RunningApplication, sharding: Sharding): Promise<void> {
      await atRest(sharding)
      await expect(app.json('/next', 'globex')).resolves.toBeGreaterThan(0)
      await atRest(sharding)
      expect(poolOf(sharding).total).toBe(1)
    }

    it('fault 4: that throws leaves scope and connection to the error handlers, then both end', async () => {
      const sharding = openShard(url, { max: 1 })
      const app = await start(startApp, {
        sharding,
        routes: (routes) => {
          routes.get('/sync', () => {
            throw new Error('sync')
          })
          routes.get('/async', async () => {
            await db('notes').insert({ note: 'before' })
            throw new Error('async')
          })
          routes.get('/query', () => db('no_such_table'))
          routes.get('/next', async (_req, res) => res.json(await backendPid(db)))
        },
        onError: async (_error, _req, res) => {
          await db('notes').insert({ note: `failed for ${currentScope()?.tenant}` })
          res.json(await backendPid(db))
        },
      })
      const pids = new Set<unknown>()
      for (const path of ['/sync', '/async', '/query']) {
        const response = await app.ask(path, 'acme')
        pids.add(await response.json())
      }
      expect(pids.size).toBe(1)
      await serves(app, sharding)
      expect(await notes()).toEqual(['before', ...Array(3).fill('failed for acme')])
    })

    it('fault 4: that never answers gives its connection back when its client leaves', async () => {
      const sharding = openShard(url, { max: 1 })
      const aborted = deferred<string>()
      const app = await application(sharding, (routes) => {
        routes.get('/silent', async (req) => {
          await db('notes').insert({ note: 'here' })
          req.shard?.signal.addEventListener('abort', () => aborted.resolve(req.shard?.signal.reason.name))
        })
      })
      const client = request({ port: app.port, path: '/silent', headers: { 'x-tenant-id': 'acme' } })
      client.on('error', () => {}).end()
      await until(async () => (await notes()).includes('here'))
      expect(poolOf(sharding).active).toBe(1)
      client.destroy()
      await expect(aborted.promise).resolves.toBe('AbortError')
      await serves(app, sharding)
    })

    it('fault 4: that never answers is reported with its route, and once more when its client has left', async () => {
      const sharding = openShard(url, { max: 1, leakThresholdMs: 50 })
      const messages = { leaked: [] as unknown[], recovered: [] as unknown[] }
      for (const verb of ['leaked', 'recovered'] as const) {
        const listener = (message: unknown) => void messages[verb].push(message)
        subscribe(`sherd:lease:${verb}`, listener)
        onTestFinished(() => void unsubscribe(`sherd:lease:${verb}`, listener))
      }
      const app = await application(sharding, (routes) => {
        routes.get('/projects/:id', async () => void (await db.raw('select 1')))
      })
      const client = request({
        port: app.port,
        path: '/projects/7?secret=x',
        headers: { 'x-tenant-id': 'acme' },
      })
      client.on('error', () => {}).end()
      await until(() => messages.leaked.length > 0)
      expect(messages.recovered).toEqual([])
      client.destroy()
      await until(() => messages.recovered.length > 0)
      const report = {
        shard: 'shard_0',
        role: 'writing',
        holder: 'GET /projects/:id',
        heldMs: expect.any(Number),
      }
      expect(messages).toMatchObject({
        leaked: [{ ...report, stack: expect.any(String) }],
        recovered: [report],
      })
      await serves(app, sharding)
    })

    it('fault 4: that answers twice gives its connection back once', async () => {
      const sharding = openShard(url, { max: 1 })
      const app = await application(sharding, (routes) => {
        routes.get('/twice', async (_req, res) => {
          await db.raw('select 1')
          res.json('first')
          res.json('second')
        })
        routes.get('/ended-twice', async (_req, res) => {
          await db.raw('select 1')
          // Node emits it there for the second end.
          const bare = res.bare()
          bare.on('error', () => {})
          bare.end('first')
          bare.end('second')
        })
      })
      await expect((await app.ask('/twice', 'acme')).text()).resolves.toBe('"first"')
      await serves(app, sharding)
      await expect((await app.ask('/ended-twice', 'acme')).text()).resolves.toBe('first')
      await serves(app, sharding)
    })

    it('fault 5: that goes on querying after its answer takes short leases of its own', async () => {
      const sharding = openShard(url, { max: 1 })
      const goOn = deferred()
      const finished = deferred<number>()
      const app = await application(sharding, (routes) => {
        routes.get('/late', async (_req, res) => {
          await db('notes').insert({ note: 'early' })
          res.json('answered')
          await goOn.promise
          await db('notes').insert({ note: `late of ${currentScope()?.tenant}` })
          await Promise.all([1, 2].map((n) => db('notes').insert({ note: `later ${n}` })))
          finished.resolve(poolOf(sharding).detachedCount)
        })
      })
      await expect(app.json('/late', 'acme')).resolves.toBe('answered')
      await atRest(sharding)
      goOn.resolve()
      await expect(finished.promise).resolves.toBeGreaterThan(0)
      await serves(app, sharding)
      expect(await notes()).toEqual(['early', 'late of acme', 'later 1', 'later 2'])
    })

    it("fault 5: that goes on querying never does so inside another request's transaction", async () => {
      const sharding = openShard(url, { max: 1, checkoutTimeoutMs: 60_000 })
      const goOn = deferred()
      const finished = deferred()
      const inTransaction = deferred()
      const rollBack = deferred()
      const app = await application(sharding, (routes) => {
        routes.get('/late', async (_req, res) => {
          await db.raw('select 1')
          res.json('answered')
          await goOn.promise
          await db('notes').insert({ note: 'late' })
          finished.resolve()
        })
        routes.get('/rolls-back', (_req, res) =>
          db
            .transaction(async () => {
              await db('notes').insert({ note: 'lost' })
              inTransaction.resolve()
              await rollBack.promise
              throw new Error('rolled back')
            })
            .catch((error) => res.json(error.message)),
        )
      })
      await app.json('/late', 'acme')
      const other = app.json('/rolls-back', 'globex')
      await inTransaction.promise
      goOn.resolve()
      await until(() => poolOf(sharding).waiting === 1)
      rollBack.resolve()
      await expect(other).resolves.toBe('rolled back')
      await finished.promise
      expect(await notes()).toEqual(['late'])
      await serves(app, sharding)
    })

    it('fault 5: that goes on querying is refused with afterResponse: reject', async () => {
      const sharding = openShard(url, { max: 1 })
      const goOn = deferred()
      const refused = deferred<unknown>()
      const app = await application(
        sharding,
        (routes) => {
          routes.get('/late', async (_req, res) => {
            await db.raw('select 1')
            res.json('answered')
            await goOn.promise
            await db('notes')
              .insert({ note: 'late' })
              .then(refused.reject, (error) => refused.resolve(error.code))
          })
        },
        { afterResponse: 'reject' },
      )
      await app.json('/late', 'acme')
      await atRest(sharding)
      goOn.resolve()
      await expect(refused.promise).resolves.toBe('SHARD_ERR_LEASE_REVOKED')
      expect(await notes()).toEqual([])
      expect(poolOf(sharding).detachedCount).toBe(0)
      await serves(app, sharding)
    })

    it('fault 14: whose connection is killed while it does not use it gets an error, and is answered', async () => {
      const sharding = openShard(url, { max: 1 })
      const killed = deferred()
      const pid = deferred<number>()
      const app = await application(sharding, (routes) => {
        routes.get('/killed', async (_req, res) => {
          pid.resolve(await backendPid(db))
          await killed.promise
          await db.raw('select 1').then(
            () => res.json('no error'),
            (error) => res.json(error instanceof Error),
          )
        })
      })
      const answer = app.json('/killed', 'acme')
      const backend = await pid.promise
      await server.terminate(backend)
      await until(async () => !(await server.sessions()).some((session) => session.pid === backend))
      killed.resolve()
      await expect(answer).resolves.toBe(true)
      await atRest(sharding)
      await expect(app.json('/next', 'acme')).resolves.not.toBe(backend)
      await atRest(sharding)
    })
  })
}
