import { db, type Sharding } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { describe, expect, it } from 'vitest'
import { deferred } from '../../core/test/support/deferred.ts'
import { ServerView } from '../../core/test/support/server-view.ts'
import { until } from '../../core/test/support/until.ts'
import type { StartApp } from './host.ts'
import { openShard, poolOf, start } from './support/application.ts'

const url = await createDatabase()

export function describeClosing(name: string, startApp: StartApp): void {
  describe(`sharding.close() under a server of ${name}`, () => {
    async function application(sharding: Sharding) {
      const done = deferred()
      const app = await start(startApp, {
        sharding,
        routes: (routes) => {
          routes.get('/held', async (_req, res) => {
            await db.raw('select 1')
            await done.promise
            res.json((await db.raw('select 2 as two')).rows)
          })
          routes.get('/stuck', async (_req, res) => res.json(await db.raw('select pg_sleep(3600) as stuck')))
          routes.get('/', (_req, res) => {
            res.json('reached')
          })
        },
      })
      return { app, done }
    }

    it('lets those under way finish, refuses those who wait and those who come, and serves the unscoped', async () => {
      const sharding = openShard(url, { max: 1, checkoutTimeoutMs: 60_000 })
      const server = await ServerView.open(url)
      const { app, done } = await application(sharding)
      const held = app.json('/held', 'acme')
      await until(() => poolOf(sharding).active === 1)
      const waiting = app.ask('/', 'globex')
      await until(() => poolOf(sharding).waiting === 1)
      let isClosed = false
      const closed = sharding.close().then(() => {
        isClosed = true
      })
      for (const refused of [
        await waiting,
        await app.ask('/', 'acme'),
        await app.ask('/', 'acme', { method: 'HEAD' }),
      ]) {
        expect(refused.status).toBe(503)
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
      }
      await expect(app.json('/')).resolves.toBe('reached')
      expect(isClosed).toBe(false)
      done.resolve()
      await expect(held).resolves.toEqual([{ two: 2 }])
      await closed
      expect(poolOf(sharding)).toMatchObject({ total: 0, active: 0, waiting: 0 })
      await until(async () => (await server.sessions()).length === 0)
    })

    it('closes connections under requests that take too long, which are answered with an error', async () => {
      const sharding = openShard(url, { max: 2 })
      const server = await ServerView.open(url)
      const { app } = await application(sharding)
      const stuck = app.ask('/stuck', 'acme')
      await until(() => server.running('as stuck'))
      await sharding.close({ deadlineMs: 100 })
      expect((await stuck).status).toBe(500)
      expect(poolOf(sharding)).toMatchObject({ total: 0, active: 0, waiting: 0 })
    })
  })
}
