import { request } from 'node:http'
import { currentScope, db, type Sharding } from '@sherd/core'
import { type RequestOptions, shardErrorHandler, shardMiddleware } from '@sherd/express'
import { createDatabase } from '@sherd/local-servers/test-database'
import type { Application, ErrorRequestHandler, Request } from 'express'
import { beforeEach, describe, expect, it } from 'vitest'
import { backendPid } from '../../core/test/support/backend-pid.ts'
import { deferred } from '../../core/test/support/deferred.ts'
import { ServerView } from '../../core/test/support/server-view.ts'
import { until } from '../../core/test/support/until.ts'
import { atRest, listen, poolOf, type RunningApplication, route, start } from './support/application.ts'
import { expressVersions } from './support/express-versions.ts'
import { openShard } from './support/open-shards.ts'

const url = await createDatabase()
let server: ServerView

beforeEach(async () => {
  server = await ServerView.open(url)
  await server.query('drop table if exists notes; create table notes (note text)')
})

const notes = async () =>
  (await server.query<{ note: string }>('select note from notes order by note')).map(({ note }) => note)

describe.each(expressVersions)('a handler in %s', (_version, express) => {
  const application = (
    sharding: Sharding,
    routes: (app: Application) => void,
    options: Partial<RequestOptions<Request>> = {},
  ) =>
    start(express, {
      sharding,
      options,
      routes: (app) => {
        routes(app)
        app.get(
          '/next',
          route(async (_req, res) => res.json(await backendPid(db))),
        )
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
    const app = express()
    app.use(shardMiddleware({ sharding, tenant: { header: 'x-tenant-id' } }))
    app.get('/sync', () => {
      throw new Error('sync')
    })
    app.get(
      '/async',
      route(async () => {
        await db('notes').insert({ note: 'before' })
        throw new Error('async')
      }),
    )
    app.get(
      '/query',
      route(() => db('no_such_table')),
    )
    app.get(
      '/next',
      route(async (_req, res) => res.json(await backendPid(db))),
    )
    app.use(shardErrorHandler())
    const noteFailure: ErrorRequestHandler = (_error, _req, res, next) => {
      db('notes')
        .insert({ note: `failed for ${currentScope()?.tenant}` })
        .then(async () => res.status(500).json(await backendPid(db)))
        .catch(next)
    }
    app.use(noteFailure)
    const running = await listen(app)
    const pids = new Set<unknown>()
    for (const path of ['/sync', '/async', '/query']) {
      const response = await running.ask(path, 'acme')
      expect(response.status).toBe(500)
      pids.add(await response.json())
    }
    expect(pids.size).toBe(1)
    await serves(running, sharding)
    expect(await notes()).toEqual(['before', ...Array(3).fill('failed for acme')])
  })

  it('fault 4: that throws with nobody to handle it gives its connection back', async () => {
    const sharding = openShard(url, { max: 1 })
    const app = express()
    app.set('env', 'test')
    app.use(shardMiddleware({ sharding, tenant: { header: 'x-tenant-id' } }))
    app.get('/throws', () => {
      throw new Error('nobody handles this')
    })
    app.get(
      '/next',
      route(async (_req, res) => res.json(await backendPid(db))),
    )
    const running = await listen(app)
    expect((await running.ask('/throws', 'acme')).status).toBe(500)
    await serves(running, sharding)
  })

  it('fault 4: that never answers gives its connection back when its client leaves', async () => {
    const sharding = openShard(url, { max: 1 })
    const aborted = deferred<string>()
    const app = await application(sharding, (routes) => {
      routes.get(
        '/silent',
        route(async (req) => {
          await db('notes').insert({ note: 'here' })
          req.shard?.signal.addEventListener('abort', () => aborted.resolve(req.shard?.signal.reason.name))
        }),
      )
    })
    const client = request({ port: app.port, path: '/silent', headers: { 'x-tenant-id': 'acme' } })
    client.on('error', () => {}).end()
    await until(async () => (await notes()).includes('here'))
    expect(poolOf(sharding).active).toBe(1)
    client.destroy()
    await expect(aborted.promise).resolves.toBe('AbortError')
    await serves(app, sharding)
  })

  it('fault 4: that answers twice gives its connection back once', async () => {
    const sharding = openShard(url, { max: 1 })
    const app = await application(sharding, (routes) => {
      routes.get(
        '/twice',
        route(async (_req, res) => {
          await db.raw('select 1')
          res.json('first')
          res.json('second')
        }),
      )
      routes.get(
        '/ended-twice',
        route(async (_req, res) => {
          await db.raw('select 1')
          // Node emits it there for the second end.
          res.on('error', () => {})
          res.end('first')
          res.end('second')
        }),
      )
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
      routes.get(
        '/late',
        route(async (_req, res) => {
          await db('notes').insert({ note: 'early' })
          res.json('answered')
          await goOn.promise
          await db('notes').insert({ note: `late of ${currentScope()?.tenant}` })
          await Promise.all([1, 2].map((n) => db('notes').insert({ note: `later ${n}` })))
          finished.resolve(poolOf(sharding).detachedCount)
        }),
      )
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
      routes.get(
        '/late',
        route(async (_req, res) => {
          await db.raw('select 1')
          res.json('answered')
          await goOn.promise
          await db('notes').insert({ note: 'late' })
          finished.resolve()
        }),
      )
      routes.get(
        '/rolls-back',
        route((_req, res) =>
          db
            .transaction(async () => {
              await db('notes').insert({ note: 'lost' })
              inTransaction.resolve()
              await rollBack.promise
              throw new Error('rolled back')
            })
            .catch((error) => res.json(error.message)),
        ),
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
        routes.get(
          '/late',
          route(async (_req, res) => {
            await db.raw('select 1')
            res.json('answered')
            await goOn.promise
            await db('notes')
              .insert({ note: 'late' })
              .then(refused.reject, (error) => refused.resolve(error.code))
          }),
        )
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
      routes.get(
        '/killed',
        route(async (_req, res) => {
          pid.resolve(await backendPid(db))
          await killed.promise
          await db.raw('select 1').then(
            () => res.json('no error'),
            (error) => res.json(error instanceof Error),
          )
        }),
      )
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
