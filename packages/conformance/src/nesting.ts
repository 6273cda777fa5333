import { currentScope, db } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { describe, expect, it } from 'vitest'
import { backendPid } from '../../core/test/support/backend-pid.ts'
import type { Handler, StartApp } from './host.ts'
import { atRest, openShard, poolOf, start } from './support/application.ts'

const url = await createDatabase()

const show: Handler = (req, res) => {
  res.json([currentScope()?.tenant ?? null, req.shard?.tenant ?? null])
}

export function describeNesting(name: string, startApp: StartApp): void {
  describe(`a part of an application in ${name}`, () => {
    it('that has the middleware to itself is scoped, and the others are not', async () => {
      const sharding = openShard(url)
      const app = await start(startApp, {
        sharding,
        options: null,
        routes: (routes) => routes.get('/', show),
        groups: [
          { prefix: '/one', routes: (routes) => routes.get('/', show) },
          { prefix: '/two', options: { required: true }, routes: (routes) => routes.get('/', show) },
        ],
      })
      await expect(app.json('/', 'acme')).resolves.toEqual([null, null])
      await expect(app.json('/one', 'acme')).resolves.toEqual(['acme', 'acme'])
      await expect(app.json('/one')).resolves.toEqual([null, null])
      await expect(app.json('/two', 'globex')).resolves.toEqual(['globex', 'globex'])
      expect((await app.ask('/two')).status).toBe(400)
      await atRest(sharding)
    })

    it('S3: inside a scope uses its one connection, and takes what it wants otherwise from its own options', async () => {
      const sharding = openShard(url, { max: 1, checkoutTimeoutMs: 60_000 })
      const app = await start(startApp, {
        sharding,
        options: { checkout: 'lazy' },
        routes: () => {},
        groups: [
          {
            prefix: '/read',
            options: { role: 'reading' },
            routes: (routes) => {
              routes.get('/', async (_req, res) => res.json([currentScope()?.role, await backendPid(db)]))
            },
          },
        ],
      })
      await expect(app.json('/read', 'acme')).resolves.toEqual(['reading', expect.any(Number)])
      await atRest(sharding)
      expect(poolOf(sharding).total).toBe(1)
    })

    it('S4: inside a scope leads to no other tenant', async () => {
      const sharding = openShard(url)
      const app = await start(startApp, {
        sharding,
        routes: () => {},
        groups: [
          {
            prefix: '/other',
            options: { tenant: { header: 'x-other-id' } },
            routes: (routes) => routes.get('/', show),
          },
        ],
      })
      const same = await app.json('/other', 'acme', { headers: { 'x-other-id': 'acme' } })
      expect(same).toEqual(['acme', 'acme'])
      const other = await app.ask('/other', 'acme', { headers: { 'x-other-id': 'globex' } })
      expect([other.status, await other.json()]).toMatchObject([500, { code: 'SHARD_ERR_SCOPE_LOCKED' }])
      await atRest(sharding)
    })

    it('that is skipped inside of a scope stays in it', async () => {
      const sharding = openShard(url)
      const app = await start(startApp, {
        sharding,
        routes: () => {},
        groups: [
          {
            prefix: '/inside',
            options: { skip: ['/inside/left'], tenant: { header: 'x-other-id' }, required: true },
            routes: (routes) => {
              routes.get('/left', show)
              routes.get('/', show)
            },
          },
        ],
      })
      await expect(app.json('/inside/left', 'acme')).resolves.toEqual(['acme', 'acme'])
      await expect(app.json('/inside/left')).resolves.toEqual([null, null])
      expect((await app.ask('/inside')).status).toBe(400)
      await atRest(sharding)
    })
  })
}
