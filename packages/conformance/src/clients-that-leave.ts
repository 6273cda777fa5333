import { Agent, type ClientRequest, request } from 'node:http'
import { db, type Sharding } from '@sherd/core'
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
/** Ten times what it may take: 500 ms. */
const SOON_MS = 5000
let server: ServerView

/** A request whose answer nobody waits for. */
function leave(
  { port }: RunningApplication,
  path: string,
  options: { method?: string; agent?: Agent } = {},
): ClientRequest {
  const client = request({ port, path, headers: { 'x-tenant-id': 'acme' }, ...options })
  client.on('error', () => {}).end()
  return client
}

export function describeClientsThatLeave(name: string, startApp: StartApp): void {
  describe(`a client that leaves ${name}`, () => {
    beforeEach(async () => {
      server = await ServerView.open(url)
      await server.query('drop table if exists notes; create table notes (note text)')
    })

    const application = (sharding: Sharding, routes: (app: Routes) => void, options: Options = {}) =>
      start(startApp, { sharding, routes, options })

    it('fault 1: while it waits for a connection leaves the queue at once, and its handler never runs', async () => {
      const sharding = openShard(url, { max: 1, checkoutTimeoutMs: 60_000 })
      const done = deferred()
      let reached = 0
      const app = await application(sharding, (routes) => {
        routes.get('/held', async (_req, res) => res.json(await done.promise.then(() => backendPid(db))))
        routes.all('/', (_req, res) => {
          reached++
          res.json('answered')
        })
      })
      const held = app.json('/held', 'globex')
      await until(() => poolOf(sharding).active === 1)
      const clients = ['GET', 'POST', 'DELETE'].map((method) => leave(app, '/', { method }))
      await until(() => poolOf(sharding).waiting === 3)
      for (const client of clients) client.destroy()
      await until(() => poolOf(sharding).waiting === 0, SOON_MS)
      done.resolve()
      await held
      await atRest(sharding)
      expect(reached).toBe(0)
    })

    it('fault 1: while a query of its handler waits for a connection leaves the queue, too', async () => {
      const sharding = openShard(url, { max: 1, checkoutTimeoutMs: 60_000 })
      const done = deferred()
      const refused = deferred<unknown>()
      const app = await application(
        sharding,
        (routes) => {
          routes.get('/held', async (_req, res) =>
            res.json(await db.raw('select 1').then(() => done.promise)),
          )
          routes.get('/', () =>
            db.raw('select 1').then(refused.reject, (error) => refused.resolve(error.code)),
          )
        },
        { checkout: 'lazy' },
      )
      const held = app.ask('/held', 'globex')
      await until(() => poolOf(sharding).active === 1)
      const client = leave(app, '/')
      await until(() => poolOf(sharding).waiting === 1)
      client.destroy()
      await expect(refused.promise).resolves.toBe('SHARD_ERR_CHECKOUT_ABORTED')
      expect(poolOf(sharding).waiting).toBe(0)
      done.resolve()
      await held
      await atRest(sharding)
    })

    it('fault 1, fault 2: under load leaks nothing and sees nothing of others: 2,000 requests, 30 % aborted', async () => {
      const sharding = openShard(url, { max: 10, checkoutTimeoutMs: 60_000 })
      const foreign: unknown[] = []
      const app = await application(sharding, (routes) => {
        routes.get('/:number', async (req, res) => {
          const mark = `request ${(req.params as { number: string }).number}`
          const { rows: before } = await db.raw(`select current_setting('app.mark', true) as mark`)
          await db.raw(`select set_config('app.mark', ?, false), pg_sleep(0.002)`, [mark])
          const { rows: after } = await db.raw(`select current_setting('app.mark', true) as mark`)
          // Nothing is foreign to nobody: whoever goes on after his client has left does so on clean leases of his own.
          const marks = [before[0].mark, after[0].mark].filter((found) => found && found !== mark)
          if (marks.length > 0 || before[0].mark) foreign.push([mark, before[0].mark, after[0].mark])
          res.json(mark)
        })
      })
      const agent = new Agent({ keepAlive: true, maxSockets: 100 })
      onTestFinished(() => agent.destroy())
      const random = randomFrom(7)
      const one = (number: number) =>
        new Promise<string>((resolve) => {
          const client = leave(app, `/${number}`, { agent })
          client.on('error', () => resolve('left'))
          client.on('response', (response) => {
            response.on('error', () => resolve('left'))
            response.resume().on('end', () => resolve(String(response.statusCode)))
          })
          if (random() < 0.3) setTimeout(() => client.destroy(new Error('left')), random() * 40)
        })
      const outcomes = await Promise.all(Array.from({ length: 2000 }, (_, number) => one(number)))
      await atRest(sharding)
      const left = outcomes.filter((outcome) => outcome === 'left').length
      expect(left).toBeGreaterThan(100)
      expect(new Set(outcomes)).toEqual(new Set(['200', 'left']))
      expect(foreign).toEqual([])
      expect(poolOf(sharding).total).toBeLessThanOrEqual(10)
      expect((await server.sessions()).length).toBeLessThanOrEqual(10)
    })

    it.each([
      ['GET', {}, 'cancelled'],
      ['GET', { onAbort: 'cancel' }, 'cancelled'],
      ['GET', { onAbort: 'finish' }, 'finished'],
      ['POST', {}, 'finished'],
      ['POST', { onAbort: 'cancel' }, 'cancelled'],
      ['POST', { onAbort: 'finish' }, 'finished'],
    ] as const)('L7: during a query of %s with %o has it %s', async (method, options, expected) => {
      const sharding = openShard(url, { max: 1 })
      const outcome = deferred<string>()
      const app = await application(
        sharding,
        (routes) => {
          routes.all('/', () =>
            db.raw('select pg_advisory_xact_lock(7) as long').then(
              () => outcome.resolve('finished'),
              (error) => outcome.resolve(error.code === '57014' ? 'cancelled' : error),
            ),
          )
          routes.get('/next', async (_req, res) => res.json(await backendPid(db)))
        },
        options,
      )
      await server.query('select pg_advisory_lock(7)')
      onTestFinished(() => server.query('select pg_advisory_unlock_all()').then(() => {}))
      const client = leave(app, '/', { method })
      const pid = await until(async () => (await server.running('as long'))?.pid)
      client.destroy()
      if (expected === 'cancelled') {
        await until(async () => !(await server.running('as long')), SOON_MS)
      } else {
        await until(() => poolOf(sharding).waiting === 0)
        await expect(server.running('as long')).resolves.toMatchObject({ pid })
        await server.query('select pg_advisory_unlock(7)')
      }
      await expect(outcome.promise).resolves.toBe(expected)
      await atRest(sharding)
      await expect(app.json('/next', 'globex')).resolves.toBe(pid)
      await atRest(sharding)
    })

    it('L7: during a COMMIT does not cancel it', async () => {
      const sharding = openShard(url, { max: 1 })
      const gone = deferred()
      const outcome = deferred<unknown>()
      await server.query(`
      create or replace function wait_at_commit() returns trigger language plpgsql as
        'begin perform pg_advisory_xact_lock(8); return null; end';
      create constraint trigger slow after insert on notes deferrable initially deferred
        for each row execute function wait_at_commit()`)
      const app = await application(sharding, (routes) => {
        routes.get('/', (req) => {
          req.shard?.signal.addEventListener('abort', () => gone.resolve())
          return db
            .transaction(() =>
              db('notes')
                .insert({ note: 'committed' })
                .then(() => {}),
            )
            .then(() => outcome.resolve('committed'), outcome.resolve)
        })
      })
      await server.query('select pg_advisory_lock(8)')
      const client = leave(app, '/')
      await until(async () =>
        (await server.sessions()).find(({ query, state }) => state === 'active' && /^commit/i.test(query)),
      )
      client.destroy()
      await gone.promise
      await server.query('select pg_advisory_unlock(8)')
      await expect(outcome.promise).resolves.toBe('committed')
      expect(await server.query('select note from notes')).toEqual([{ note: 'committed' }])
      await atRest(sharding)
    })

    it('L7: during a transaction of POST lets the handler finish it', async () => {
      const sharding = openShard(url, { max: 1 })
      const inside = deferred()
      const gone = deferred()
      const outcome = deferred<unknown>()
      const app = await application(sharding, (routes) => {
        routes.post('/', (req) => {
          req.shard?.signal.addEventListener('abort', () => gone.resolve())
          return db
            .transaction(async () => {
              await db('notes').insert({ note: 'one' })
              inside.resolve()
              await gone.promise
              await db('notes').insert({ note: 'two' })
            })
            .then(() => outcome.resolve('committed'), outcome.resolve)
        })
      })
      const client = leave(app, '/', { method: 'POST' })
      await inside.promise
      client.destroy()
      await expect(outcome.promise).resolves.toBe('committed')
      expect(await server.query('select count(*)::int as count from notes')).toEqual([{ count: 2 }])
      await atRest(sharding)
      expect(poolOf(sharding).detachedCount).toBe(0)
    })

    it('sees its signal abort only when it leaves, not when it is answered', async () => {
      const sharding = openShard(url)
      const signals: AbortSignal[] = []
      const app = await application(sharding, (routes) => {
        routes.get('/', (req, res) => {
          if (req.shard !== undefined) signals.push(req.shard.signal)
          res.json('answered')
        })
      })
      await app.json('/', 'acme')
      await atRest(sharding)
      expect(signals.map(({ aborted }) => aborted)).toEqual([false])
    })
  })
}

/** Mulberry32 (https://gist.github.com/tommyettinger/46a874533244883189143505d203312c): the same numbers in every run. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
