import { connectedTo, connectedToAllShards, currentScope, db } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { describe, expect, it } from 'vitest'
import { openSharding } from '../../core/test/support/open-sharding.ts'
import type { Handler, HostRequest, StartApp } from './host.ts'
import { atRest, type Options, openShard, start } from './support/application.ts'

const [url, replica] = [await createDatabase(), await createDatabase()]

const show: Handler = (_req, res) => res.json(currentScope() ?? null)

async function database(): Promise<string> {
  return (await db.raw('select current_database() as name')).rows[0].name
}

const nameOf = (address: string) => new URL(address).pathname.slice(1)

export function describeOptions(name: string, startApp: StartApp): void {
  describe(`options of ${name}`, () => {
    it('perRequest: differ for a request, and may be the same object each time', async () => {
      const sharding = openShard(url)
      const own: Options = { tenant: { header: 'x-other-id' }, role: 'reading' }
      const app = await start(startApp, {
        sharding,
        options: {
          required: true,
          perRequest: (req) => (req.headers['x-own'] === undefined ? undefined : own),
        },
        routes: (routes) => routes.get('/', show),
      })
      const headers = { 'x-own': 'yes', 'x-other-id': 'globex' }
      for (const _ of [1, 2, 3]) {
        await expect(app.json('/', 'acme')).resolves.toMatchObject({ tenant: 'acme', role: 'writing' })
        const scope = await app.json('/', 'acme', { headers })
        expect(scope).toMatchObject({ tenant: 'globex', role: 'reading', preventWrites: true })
      }
      // What it leaves out is as it was.
      expect((await app.ask('/', undefined, { headers: { 'x-own': 'yes' } })).status).toBe(400)
      await atRest(sharding)
    })

    it('allowFanOut: requests for which it is set ask all shards, others none but their own', async () => {
      const sharding = openShard(url)
      const allowed: Options = { allowFanOut: true }
      const app = await start(startApp, {
        sharding,
        options: { perRequest: (req) => (req.headers['x-admin'] === undefined ? undefined : allowed) },
        routes: (routes) =>
          routes.get('/', async (_req, res) => {
            const asked = connectedToAllShards(database)
            res.json(
              await asked
                .then(({ outcomes }) => outcomes.map(({ shard }) => shard))
                .catch(({ code }) => code),
            )
          }),
      })
      const headers = { 'x-admin': 'yes' }
      expect(await app.json('/', 'acme', { headers })).toEqual(sharding.shardNames)
      expect(await app.json('/', 'acme')).toBe('SHARD_ERR_SCOPE_LOCKED')
      await atRest(sharding)
    })

    it('tenant: a list is asked in order, by every kind of source', async () => {
      const sharding = openShard(url)
      const app = await start(startApp, {
        sharding,
        options: {
          required: true,
          tenant: [
            { header: 'x-tenant-id' },
            { path: '/t/:tenant' },
            { cookie: 'tenant' },
            { claim: 'tenant_id' },
            async (req: HostRequest) => req.headers['x-late'] as string | undefined,
          ],
        },
        authenticate: (req) => {
          const claim = req.headers['x-token']
          if (claim !== undefined) Object.assign(req, { user: { tenant_id: claim } })
        },
        routes: (routes) => {
          routes.get('/t/:tenant', show)
          routes.get('/', show)
        },
      })
      const all = { cookie: 'tenant=acme', 'x-token': 'acme', 'x-late': 'acme' }
      const tenant = async (path: string, headers: Record<string, string>) =>
        (await app.json<{ tenant: string }>(path, undefined, { headers })).tenant
      expect(await tenant('/t/acme', { ...all, 'x-tenant-id': 'globex' })).toBe('globex')
      expect(await tenant('/t/globex', all)).toBe('globex')
      expect(await tenant('/', { ...all, cookie: 'tenant=globex' })).toBe('globex')
      expect(await tenant('/', { 'x-token': 'globex', 'x-late': 'acme' })).toBe('globex')
      expect(await tenant('/', { 'x-late': 'globex' })).toBe('globex')
      expect((await app.ask('/')).status).toBe(400)
      await atRest(sharding)
    })

    it('role: reading goes to the replica, refuses writes, and what touched both roles leaves nothing out', async () => {
      const sharding = openSharding({
        shard_0: { connection: url, replicas: [{ connection: replica }], tenants: ['acme', 'globex'] },
      })
      const app = await start(startApp, {
        sharding,
        routes: (routes) => {
          routes.get('/', async (_req, res) => {
            res.json([await database(), await connectedTo({ role: 'reading' }, database), await database()])
          })
        },
        groups: [
          {
            prefix: '/read',
            options: { role: 'reading' },
            routes: (routes) => {
              routes.get('/', async (_req, res) => res.json([await database(), currentScope()?.role]))
              routes.get('/write', (_req, res) =>
                db.raw('create table t ()').catch(({ code }) => res.json(code)),
              )
            },
          },
        ],
      })
      const [primary, standby] = [nameOf(url), nameOf(replica)]
      await expect(app.json('/', 'acme')).resolves.toEqual([primary, standby, primary])
      await expect(app.json('/read', 'acme')).resolves.toEqual([standby, 'reading'])
      await expect(app.json('/read/write', 'acme')).resolves.toBe('SHARD_ERR_WRITE_PREVENTED')
      await atRest(sharding)
    })
  })
}
