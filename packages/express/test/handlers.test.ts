import { atRest, openShard, poolOf } from '@sherd/conformance/application'
import { db } from '@sherd/core'
import { shardMiddleware } from '@sherd/express'
import { createDatabase } from '@sherd/local-servers/test-database'
import { describe, expect, it } from 'vitest'
import { backendPid } from '../../core/test/support/backend-pid.ts'
import { listen } from './support/application.ts'
import { expressVersions } from './support/express-versions.ts'
import { route } from './support/route.ts'

const url = await createDatabase()

describe.each(expressVersions)('a handler in %s', (_version, express) => {
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
    await atRest(sharding)
    await expect(running.json('/next', 'globex')).resolves.toBeGreaterThan(0)
    await atRest(sharding)
    expect(poolOf(sharding).total).toBe(1)
  })
})
