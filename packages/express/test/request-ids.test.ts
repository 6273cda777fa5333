import { openShard } from '@sherd/conformance/application'
import { scopeFields } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import supertest from 'supertest'
import { describe, expect, it } from 'vitest'
import { start } from './support/application.ts'
import { expressVersions } from './support/express-versions.ts'

const url = await createDatabase()

describe.each(expressVersions)('the id of a request in %s', (_version, express) => {
  async function application(id?: string) {
    const sharding = openShard(url)
    const app = await start(express, {
      sharding,
      before: (routes) => {
        routes.use((req, _res, next) => {
          if (id !== undefined) Object.assign(req, { id })
          next()
        })
      },
      routes: (routes) => {
        routes.get('/', (_req, res) => void res.json(scopeFields()))
      },
    })
    return { sharding, agent: supertest(app.url) }
  }

  it('is its header, else what a middleware has given it', async () => {
    const fields = { shard: 'shard_0', tenant: 'acme' }
    const headers = { 'x-tenant-id': 'acme', 'x-request-id': 'from-outside' }
    const { agent } = await application()
    await agent
      .get('/')
      .set(headers)
      .expect({ ...fields, requestId: 'from-outside' })
    await agent.get('/').set('x-tenant-id', 'acme').expect(fields)
    const named = await application('from-inside')
    await named.agent
      .get('/')
      .set(headers)
      .expect({ ...fields, requestId: 'from-inside' })
  })

  it('is in the events of the request, all of which have one correlation', async () => {
    const { sharding, agent } = await application('req-1')
    const seen: unknown[] = []
    const left = new Promise((resolve) => sharding.on('scope:left', resolve))
    const released = new Promise((resolve) => sharding.on('lease:released', resolve))
    for (const event of [
      'scope:entered',
      'lease:requested',
      'lease:checked-out',
      'lease:released',
      'scope:left',
    ] as const) {
      sharding.on(event, ({ correlation }) => seen.push(correlation))
    }
    await agent.get('/').set('x-tenant-id', 'acme').expect(200)
    await Promise.all([left, released])
    expect(seen).toHaveLength(5)
    expect(new Set(seen).size).toBe(1)
    expect(seen[0]).toMatchObject({ requestId: 'req-1' })
  })
})
