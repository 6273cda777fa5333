import { atRest, openShard, poolOf } from '@sherd/conformance/application'
import { db } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { describe, expect, it } from 'vitest'
import { start } from './support/application.ts'
import { expressVersions } from './support/express-versions.ts'
import { route } from './support/route.ts'

const url = await createDatabase()

describe.each(expressVersions)('a body in %s', (_version, express) => {
  const post = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }

  it('L2: that has been read before the middleware leaves the connection to be taken before the handler', async () => {
    const sharding = openShard(url, { max: 1 })
    const app = await start(express, {
      sharding,
      before: (before) => {
        before.use(express.json())
      },
      routes: (routes) => {
        routes.post('/', (_req, res) => {
          res.json(poolOf(sharding).active)
        })
      },
    })
    await expect(app.json('/', 'acme', post)).resolves.toBe(1)
    await atRest(sharding)
  })

  it('L2: that is still to be read leaves the connection to the first query, or is not waited for when eager', async () => {
    const sharding = openShard(url)
    const routes: Parameters<typeof start>[1]['routes'] = (app) => {
      app.post(
        '/',
        route(async (_req, res) => {
          const before = poolOf(sharding).active
          await db.raw('select 1')
          res.json([before, poolOf(sharding).active])
        }),
      )
    }
    const auto = await start(express, { sharding, routes })
    await expect(auto.json('/', 'acme', post)).resolves.toEqual([0, 1])
    await atRest(sharding)
    const eager = await start(express, { sharding, routes, options: { checkout: 'eager' } })
    await expect(eager.json('/', 'acme', post)).resolves.toEqual([1, 1])
    await atRest(sharding)
  })
})
