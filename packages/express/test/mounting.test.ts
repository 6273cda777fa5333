import { atRest, openShard, poolOf } from '@sherd/conformance/application'
import { currentScope, db, type Sharding } from '@sherd/core'
import { shardErrorHandler, shardMiddleware } from '@sherd/express'
import { createDatabase } from '@sherd/local-servers/test-database'
import type { Application, Request, Response } from 'express'
import { describe, expect, it } from 'vitest'
import { backendPid } from '../../core/test/support/backend-pid.ts'
import { lastResort, listen } from './support/application.ts'
import { expressVersions } from './support/express-versions.ts'
import { route } from './support/route.ts'

const url = await createDatabase()

const show = (req: Request, res: Response) => {
  res.json({ scope: currentScope()?.tenant ?? null, shard: req.shard?.tenant ?? null })
}
const ACME = { scope: 'acme', shard: 'acme' }
const NONE = { scope: null, shard: null }

describe.each(expressVersions)('the middleware in %s', (_version, express) => {
  const mount = (sharding: Sharding, tenant: Parameters<typeof shardMiddleware>[0] = {}) =>
    shardMiddleware({ sharding, tenant: { header: 'x-tenant-id' }, ...tenant })

  function application(build: (app: Application) => void) {
    const app = express()
    build(app)
    app.use(shardErrorHandler(), lastResort)
    return listen(app)
  }

  it('mounted twice keeps a request of one tenant on one lease', async () => {
    const sharding = openShard(url, { max: 1 })
    const app = await application((routes) => {
      routes.use(mount(sharding))
      routes.use((req, _res, next) => {
        backendPid(db).then((pid) => {
          Object.assign(req, { first: pid })
          next()
        }, next)
      })
      routes.use(mount(sharding))
      routes.use(
        route(async (req, res) => {
          const { first } = req as { first?: number }
          res.json([req.shard?.tenant, (await backendPid(db)) === first, poolOf(sharding).total])
        }),
      )
    })
    await expect(app.json('/', 'acme')).resolves.toEqual(['acme', true, 1])
    await atRest(sharding)
    await expect(app.json('/', 'globex')).resolves.toEqual(['globex', true, 1])
  })

  it('tells its shard in applications inside and around, and no request has a property of its own for it', async () => {
    const sharding = openShard(url, { max: 1 })
    const inner = express()
    inner.get('/inner/shown', show)
    inner.use('/scoped', mount(sharding), (_req: Request, _res: Response, next: () => void) => next())
    const app = await application((routes) => {
      routes.use('/outer', mount(sharding), inner)
      routes.use(inner)
      routes.use((req, res) => res.json([req.shard?.tenant ?? null, Object.hasOwn(req, 'shard')]))
    })
    await expect(app.json('/outer/inner/shown', 'acme')).resolves.toEqual(ACME)
    await expect(app.json('/inner/shown', 'acme')).resolves.toEqual(NONE)
    await expect(app.json('/outer', 'globex')).resolves.toEqual(['globex', false])
    await expect(app.json('/scoped', 'globex')).resolves.toEqual(['globex', false])
    await atRest(sharding)
  })

  it('leaves it to the application what it assigns to req.shard', async () => {
    const sharding = openShard(url, { max: 1 })
    const app = await application((routes) => {
      routes.use(mount(sharding))
      routes.use('/assigned', (req, _res, next) => {
        Object.assign(req, { shard: { tenant: 'my own' } })
        next()
      })
      routes.use(show)
    })
    await expect(app.json('/assigned', 'acme')).resolves.toEqual({ scope: 'acme', shard: 'my own' })
    await expect(app.json('/', 'acme')).resolves.toEqual(ACME)
    await atRest(sharding)
  })

  it('S4: mounted twice refuses another tenant, as a mistake of the application', async () => {
    const sharding = openShard(url, { max: 2 })
    const app = await application((routes) => {
      routes.use(mount(sharding))
      routes.use('/other', mount(sharding, { tenant: () => 'globex' }))
      routes.use(show)
    })
    const response = await app.ask('/other', 'acme')
    expect([response.status, await response.json()]).toEqual([500, { code: 'SHARD_ERR_SCOPE_LOCKED' }])
    await expect(app.json('/other')).resolves.toEqual({ scope: 'globex', shard: 'globex' })
    await atRest(sharding)
  })

  it('mounted twice stays where the first is when the second finds no tenant or skips', async () => {
    const sharding = openShard(url, { max: 1 })
    const app = await application((routes) => {
      routes.use(mount(sharding, { checkout: 'lazy' }))
      routes.use('/silent', mount(sharding, { tenant: () => undefined, required: true }))
      routes.use('/skipped', mount(sharding, { skip: ['/skipped'] }))
      routes.use((req, res) => {
        res.setHeader('x-active', poolOf(sharding).active)
        show(req, res)
      })
    })
    await expect(app.json('/silent', 'acme')).resolves.toEqual(ACME)
    const skipped = await app.ask('/skipped', 'acme')
    expect([await skipped.json(), skipped.headers.get('x-active')]).toEqual([ACME, '0'])
    expect((await app.ask('/silent')).status).toBe(400)
    await expect(app.json('/skipped')).resolves.toEqual(NONE)
    await atRest(sharding)
  })

  it('mounted behind one that skipped a request serves it', async () => {
    const sharding = openShard(url, { max: 1 })
    const app = await application((routes) => {
      routes.use(mount(sharding, { skip: () => true }))
      routes.use(mount(sharding))
      routes.use(show)
    })
    await expect(app.json('/', 'acme')).resolves.toEqual(ACME)
    await atRest(sharding)
  })

  it('reads the whole path wherever it is mounted', async () => {
    const sharding = openShard(url)
    const app = await application((routes) => {
      routes.use(
        '/t',
        shardMiddleware({ sharding, tenant: { path: '/t/:tenant' }, skip: ['/t/acme/health'] }),
        show,
      )
    })
    await expect(app.json('/t/acme/projects?x=1')).resolves.toEqual(ACME)
    await expect(app.json('/t/acme/health')).resolves.toEqual(NONE)
    expect((await app.ask('/t/nobody')).status).toBe(404)
    expect((await app.ask('/t/%ff')).status).toBe(400)
  })

  it('serves routers and applications below it, each request in its own scope', async () => {
    const sharding = openShard(url)
    const router = express.Router()
    router.get('/projects', show)
    const below = express()
    below.use('/v1', router)
    const app = await application((routes) => {
      routes.use(mount(sharding))
      routes.use('/api', below)
      routes.use('/own', express.Router().use(mount(sharding), show))
    })
    await expect(app.json('/api/v1/projects', 'acme')).resolves.toEqual(ACME)
    await expect(app.json('/own', 'acme')).resolves.toEqual(ACME)
    await expect(app.json('/api/v1/projects')).resolves.toEqual(NONE)
    await atRest(sharding)
  })
})
