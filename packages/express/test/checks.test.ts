import { once } from 'node:events'
import { describeChecks, type StartChecks } from '@sherd/conformance/checks'
import { shardHealth, shardLiveness, shardMiddleware, shardReadiness } from '@sherd/express'
import type { IRouter } from 'express'
import { expect, onTestFinished, test } from 'vitest'
import { type Express, expressVersions } from './support/express-versions.ts'
import { route } from './support/route.ts'

function startChecks(express: Express): StartChecks {
  return async ({ sharding, health, work }) => {
    const app = express()
    const behind = express.Router()
    const mount = (router: IRouter) => {
      router.get('/shards', shardHealth(health))
      router.get('/live', shardLiveness())
      router.get('/ready', shardReadiness({ sharding }))
    }
    behind.use(shardMiddleware({ sharding, tenant: { header: 'x-tenant-id' } }))
    mount(behind)
    behind.get(
      '/work',
      route((req, res) =>
        work(req, { json: (value) => void res.json(value), stream: nothing, bare: nothing }),
      ),
    )
    mount(app)
    app.use('/behind', behind)
    const server = app.listen(0, '127.0.0.1')
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    await once(server, 'listening')
    return server
  }
}

const nothing = (): never => {
  throw new Error('not here')
}

for (const [name, express] of expressVersions) describeChecks(name, startChecks(express))

test('options that make no sense are refused where the handler is made', () => {
  expect(() => shardHealth({ probe: { timeoutMs: 0 } })).toThrow(TypeError)
  expect(() => shardHealth({ thresholds: { utilization: '80' as never } })).toThrow(/utilization/)
})
