import { connectedTo, currentScope, db } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { describe, expect, it } from 'vitest'
import type { StartApp } from './host.ts'
import { atRest, openShard, poolOf, start } from './support/application.ts'

const url = await createDatabase()

export function describeScopes(name: string, startApp: StartApp): void {
  describe(`the scope of a request in ${name}`, () => {
    it('is told to the request: shard, tenant, scope, Sharding and signal', async () => {
      const sharding = openShard(url)
      const app = await start(startApp, {
        sharding,
        routes: (routes) => {
          routes.get('/', ({ shard }, res) => {
            const same = shard?.sharding === sharding && shard?.scope === currentScope()
            res.json({ ...shard?.scope, name: shard?.name, same, aborted: shard?.signal.aborted })
          })
        },
      })
      await expect(app.json('/', 'acme')).resolves.toEqual({
        name: 'shard_0',
        shard: 'shard_0',
        tenant: 'acme',
        role: 'writing',
        preventWrites: false,
        locked: true,
        same: true,
        aborted: false,
      })
    })

    it('S4: is locked: no other tenant, even on the same shard, by any way to connect', async () => {
      const sharding = openShard(url)
      const app = await start(startApp, {
        sharding,
        routes: (routes) => {
          routes.get('/', async (_req, res) => {
            const query = () => db.raw('select 1')
            const codeOf = (promise: Promise<unknown>) =>
              promise.then(
                () => 'reached',
                (error) => error.code,
              )
            res.json([
              await codeOf(connectedTo({ tenant: 'globex' }, query)),
              await codeOf(sharding.connectedToTenant('globex', query)),
              await codeOf(sharding.connectedTo({ shard: 'shard_0', tenant: 'globex' }, query)),
              await codeOf(sharding.connectedTo({ tenant: 'acme' }, async () => currentScope())),
              await codeOf(connectedTo({ role: 'reading' }, query)),
            ])
          })
        },
      })
      const locked = 'SHARD_ERR_SCOPE_LOCKED'
      await expect(app.json('/', 'acme')).resolves.toEqual([locked, locked, locked, 'reached', 'reached'])
      await atRest(sharding)
    })

    it('is none on a skipped path, whatever tenant the request names, and where the server was started in one', async () => {
      const sharding = openShard(url)
      const app = await sharding.connectedTo({ shard: 'shard_0', checkout: 'lazy' }, () =>
        start(startApp, {
          sharding,
          options: { skip: ['/health'] },
          routes: (routes) => {
            routes.get('/health', (req, res) => res.json([req.shard ?? null, currentScope() ?? null]))
            routes.get('/', (_req, res) => res.json(currentScope()?.tenant ?? null))
          },
        }),
      )
      await expect(app.json('/health', 'nobody')).resolves.toEqual([null, null])
      await expect(app.json('/')).resolves.toBeNull()
      await expect(app.json('/', 'acme')).resolves.toBe('acme')
      await atRest(sharding)
      expect(poolOf(sharding).total).toBe(1)
    })
  })
}
