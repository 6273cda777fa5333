import type { ServerResponse } from 'node:http'
import { pipeline, Transform } from 'node:stream'
import { db, type Sharding } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { beforeEach, describe, expect, it } from 'vitest'
import { RawClient } from '../../core/test/adapter/serve.ts'
import { backendPid } from '../../core/test/support/backend-pid.ts'
import { deferred } from '../../core/test/support/deferred.ts'
import { ServerView } from '../../core/test/support/server-view.ts'
import { until } from '../../core/test/support/until.ts'
import type { HostResponse, StartApp } from './host.ts'
import { atRest, openShard, poolOf, type Routes, start } from './support/application.ts'

const url = await createDatabase()
const LARGE = 32 * 1024 * 1024
let server: ServerView

const notes = async () =>
  (await server.query<{ note: string }>('select note from notes order by note')).map(({ note }) => note)

const inLines = () =>
  new Transform({
    writableObjectMode: true,
    transform: (row, _encoding, callback) => callback(null, `${JSON.stringify(row)}\n`),
  })

/** Rows enough to fill every buffer on the way to a reader who does not read. */
const manyRows = (count = 20_000) =>
  db.raw(`select i, repeat('x', 1000) as text from generate_series(1, ?::int) as i`, [count])

/** The first of them comes in an hour. */
const slowRows = () => db.raw('select pg_sleep(3600) as slow from generate_series(1, 1000)')

export function describeResponses(name: string, startApp: StartApp): void {
  describe(`a response in ${name}`, () => {
    beforeEach(async () => {
      server = await ServerView.open(url)
      await server.query('drop table if exists notes; create table notes (note text)')
    })

    const application = (sharding: Sharding, routes: (app: Routes) => void) =>
      start(startApp, { sharding, routes })

    it('fault 27: that is large and read slowly holds no connection', async () => {
      const sharding = openShard(url, { max: 1, checkoutTimeoutMs: 60_000 })
      let response: ServerResponse | undefined
      const app = await application(sharding, (routes) => {
        routes.get('/', async (_req, res) => {
          await db.raw('select 1')
          response = res.bare()
          response.end(Buffer.alloc(LARGE))
        })
        routes.get('/small', async (_req, res) => res.json(await backendPid(db)))
      })
      const reader = new RawClient(app.port)
      reader.socket.pause()
      reader.request('GET /', 'x-tenant-id: acme')
      await until(() => response?.writableEnded)
      await atRest(sharding)
      await expect(app.json('/small', 'globex')).resolves.toBeGreaterThan(0)
      expect(response?.writableFinished).toBe(false)
      await atRest(sharding)
    })

    it.each([
      ['pipe', (res: HostResponse) => void manyRows().stream().pipe(inLines()).pipe(res.bare())],
      ['the framework', (res: HostResponse) => res.stream(manyRows().stream().pipe(inLines()))],
      [
        'pipeline',
        (res: HostResponse) => void pipeline(manyRows().stream(), inLines(), res.bare(), () => {}),
      ],
      [
        'iteration',
        async (host: HostResponse) => {
          const res = host.bare()
          for await (const row of manyRows(2000).stream() as AsyncIterable<unknown>) {
            if (!res.write(`${JSON.stringify(row)}\n`))
              await new Promise((resolve) => res.once('drain', resolve))
          }
          res.end()
        },
      ],
    ])(
      'L5: that is streamed from the database by %s keeps its connection until the end, and has every row',
      async (_by, stream) => {
        const sharding = openShard(url, { max: 1, checkoutTimeoutMs: 60_000 })
        const app = await application(sharding, (routes) => {
          routes.get('/', (_req, res) => stream(res))
        })
        const response = await app.ask('/', 'acme')
        const [pid] = (await server.sessions()).map((session) => session.pid)
        let isFirst = true
        let lines = 0
        for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
          if (isFirst) expect(poolOf(sharding)).toMatchObject({ active: 1, total: 1 })
          isFirst = false
          for (const byte of chunk) if (byte === 10) lines++
        }
        expect([2000, 20_000]).toContain(lines)
        await atRest(sharding)
        expect(poolOf(sharding).detachedCount).toBe(0)
        expect((await server.sessions()).map((session) => session.pid)).toEqual([pid])
      },
    )

    it('L5: that is streamed to somebody who reads slowly keeps its connection, and loses it when he leaves', async () => {
      const sharding = openShard(url, { max: 1, checkoutTimeoutMs: 60_000 })
      const app = await application(sharding, (routes) => {
        routes.get('/', (_req, res) => void manyRows(2_000_000).stream().pipe(inLines()).pipe(res.bare()))
      })
      const reader = new RawClient(app.port)
      reader.request('GET /', 'x-tenant-id: acme')
      await reader.receive(/"i":1,/)
      reader.socket.pause()
      expect(poolOf(sharding).active).toBe(1)
      reader.socket.destroy()
      await atRest(sharding, 5000)
    })

    it.each([
      ['pipe', (res: HostResponse) => void slowRows().stream().pipe(inLines()).pipe(res.bare())],
      [
        'iteration',
        async (host: HostResponse) => {
          const res = host.bare()
          for await (const row of slowRows().stream() as AsyncIterable<unknown>)
            res.write(`${JSON.stringify(row)}\n`)
        },
      ],
    ])(
      'L7: that waits for rows to stream by %s stops the server when its client leaves',
      async (_by, stream) => {
        const sharding = openShard(url, { max: 1, checkoutTimeoutMs: 60_000 })
        const app = await application(sharding, (routes) => {
          routes.get('/', (_req, res) => stream(res))
          routes.get('/next', async (_req, res) => res.json(await backendPid(db)))
        })
        const reader = new RawClient(app.port)
        reader.request('GET /', 'x-tenant-id: acme')
        const pid = await until(async () => (await server.running('as slow'))?.pid)
        reader.socket.destroy()
        await until(async () => !(await server.running('as slow')), 5000)
        await atRest(sharding)
        await expect(app.json('/next', 'globex')).resolves.toBe(pid)
        await atRest(sharding)
      },
    )

    it('fault 6: that leaves a transaction open has it rolled back once it has not moved for checkoutTimeoutMs', async () => {
      const sharding = openShard(url, { max: 1, checkoutTimeoutMs: 1000 })
      const app = await application(sharding, (routes) => {
        routes.get('/', async (_req, res) => {
          const trx = await db.transaction()
          await trx('notes').insert({ note: 'left open' })
          res.json(await backendPid(trx))
        })
        routes.get('/next', async (_req, res) => res.json(await db('notes').count()))
      })
      const since = performance.now()
      await app.json('/', 'acme')
      expect(poolOf(sharding).active).toBe(1)
      await atRest(sharding)
      expect(performance.now() - since).toBeGreaterThan(950)
      expect(performance.now() - since).toBeLessThan(10_000)
      await expect(app.json('/next', 'globex')).resolves.toEqual([{ count: '0' }])
      await atRest(sharding)
    })

    it('L5: lets a transaction go on that moves, and commit', async () => {
      const sharding = openShard(url, { max: 1, checkoutTimeoutMs: 60_000 })
      const goOn = deferred()
      const app = await application(sharding, (routes) => {
        routes.get('/', (_req, res) => {
          db.transaction(async () => {
            await db('notes').insert({ note: 'before' })
            res.json('answered')
            await goOn.promise
            await db('notes').insert({ note: 'after' })
          }).catch(() => {})
        })
      })
      await expect(app.json('/', 'acme')).resolves.toBe('answered')
      expect(poolOf(sharding)).toMatchObject({ active: 1, detachedCount: 0 })
      goOn.resolve()
      await atRest(sharding)
      expect(await notes()).toEqual(['after', 'before'])
      expect(poolOf(sharding).detachedCount).toBe(0)
    })

    it('fault 6: that follows a raw BEGIN has it rolled back at once', async () => {
      const sharding = openShard(url, { max: 1, checkoutTimeoutMs: 60_000 })
      const app = await application(sharding, (routes) => {
        routes.get('/', async (_req, res) => {
          await db.raw('begin')
          await db('notes').insert({ note: 'never committed' })
          res.json('answered')
        })
        routes.get('/next', async (_req, res) => res.json(await db('notes').count()))
      })
      await app.json('/', 'acme')
      await atRest(sharding, 2500)
      await expect(app.json('/next', 'globex')).resolves.toEqual([{ count: '0' }])
      await atRest(sharding)
    })

    it('L8: leaves the session to the next tenant as it was at the start', async () => {
      const sharding = openShard(url, { max: 1 })
      const app = await application(sharding, (routes) => {
        routes.get('/dirty', async (_req, res) => {
          await db.raw(`set search_path to pg_catalog; set app.tenant to 'acme'; select pg_advisory_lock(1)`)
          await db.raw('create temp table secrets as select 42 as secret')
          await db.raw('listen news')
          res.json(await backendPid(db))
        })
        routes.get('/clean', async (_req, res) => {
          const { rows } = await db.raw(
            `select current_setting('search_path') as path, coalesce(current_setting('app.tenant', true), '') as tenant,
               to_regclass('secrets') as secrets, (select count(*)::int from pg_listening_channels()) as channels,
               (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks,
               pg_backend_pid() as pid`,
          )
          res.json(rows[0])
        })
      })
      const pid = await app.json('/dirty', 'acme')
      await atRest(sharding)
      await expect(app.json('/clean', 'globex')).resolves.toEqual({
        path: '"$user", public',
        tenant: '',
        secrets: null,
        channels: 0,
        locks: 0,
        pid,
      })
      await atRest(sharding)
    })
  })
}
