import type { IncomingMessage, ServerResponse } from 'node:http'
import { createSharding, type Sharding } from '@sherd/core'
import { answerProblem, bindNodeRequest, type RequestOptions } from '@sherd/core/adapter'
import { createDatabase } from '@sherd/local-servers/test-database'
import { expect, onTestFinished, test } from 'vitest'
import { deferred } from '../support/deferred.ts'
import { until } from '../support/until.ts'
import { RawClient, serve } from './serve.ts'

const [home, shared] = [await createDatabase(), await createDatabase()]
const ACME = { 'x-tenant-id': 'acme' }

function open(pool = {}): Sharding {
  const sharding = createSharding({
    config: {
      tenant: { header: 'x-tenant-id' },
      defaults: { client: 'pg' },
      shards: { shard_0: { connection: home, tenants: ['acme'] } },
      shared: { connection: shared, pool },
    },
  })
  onTestFinished(() => sharding.close({ deadlineMs: 0 }))
  return sharding
}

type Handler = (req: IncomingMessage, res: ServerResponse) => Promise<unknown>

function bound(sharding: Sharding, handler: Handler, options: Partial<RequestOptions<IncomingMessage>> = {}) {
  return serve((req, res) => {
    bindNodeRequest(req, res, { sharding, ...options }, () => {
      handler(req, res).catch((error) => {
        if (!answerProblem(req, res, error)) res.writeHead(500).end(String(error))
      })
    })
  })
}

const active = (sharding: Sharding) =>
  Object.values(sharding.stats().shards).map(({ writing }) => writing.active)
const atRest = (sharding: Sharding) => until(() => active(sharding).every((count) => count === 0))

test('L5: the connection to the shared database goes back with the response', async () => {
  const sharding = open()
  const seen: number[][] = []
  const { port } = await bound(sharding, async (_req, res) => {
    await sharding.db.raw('select 1')
    await sharding.db.shared.raw('select 1')
    seen.push(active(sharding))
    res.end('fine')
  })
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: ACME })
  expect([await response.text(), ...seen]).toEqual(['fine', [1, 1]])
  await atRest(sharding)
})

test('L6: asked after the response it lends a connection for the query alone, or none', async () => {
  for (const afterResponse of ['detach', 'reject'] as const) {
    const sharding = open()
    const late = deferred<PromiseSettledResult<unknown>[]>()
    const { port } = await bound(
      sharding,
      async (req, res) => {
        if (req.url === '/used') await sharding.db.shared.raw('select 1')
        res.end()
        await atRest(sharding)
        const query = async () => await sharding.db.shared.raw('select 2')
        late.resolve(await Promise.allSettled([query()]))
      },
      { afterResponse },
    )
    for (const path of ['/used', '/unused']) {
      await fetch(`http://127.0.0.1:${port}${path}`, { headers: ACME })
      const [{ status } = { status: 'none' }] = await late.promise
      expect(status).toBe(afterResponse === 'detach' ? 'fulfilled' : 'rejected')
      await atRest(sharding)
    }
  }
})

test('L7: a client that goes away has what runs there stopped, and waits for it no longer', async () => {
  const sharding = open({ max: 1, checkoutTimeoutMs: 60_000 })
  const ended = deferred<PromiseSettledResult<unknown>[]>()
  const { port } = await bound(sharding, async () => {
    const queries = ['select pg_sleep(60)', 'select 1'].map((sql) => sharding.db.shared.raw(sql))
    ended.resolve(await Promise.allSettled(queries))
  })
  const client = new RawClient(port)
  client.request('GET /', 'x-tenant-id: acme')
  await until(() => active(sharding)[1] === 1)
  const waiting = new RawClient(port)
  waiting.request('GET /', 'x-tenant-id: acme')
  await until(() => sharding.stats().shards['shared']?.writing.waiting === 1)
  waiting.socket.destroy()
  await until(() => sharding.stats().shards['shared']?.writing.waiting === 0)
  client.socket.destroy()
  expect((await ended.promise).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await atRest(sharding)
})

test('a 503 that is about the shared database names it', async () => {
  const sharding = open({ max: 1, checkoutTimeoutMs: 1500 })
  const occupied = deferred()
  const held = sharding.connectedTo('shared', () => occupied.promise)
  await until(() => active(sharding)[1] === 1)
  const { port } = await bound(sharding, async (_req, res) => {
    res.end(JSON.stringify(await sharding.db.shared.raw('select 1')))
  })
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: ACME })
  expect(response.status).toBe(503)
  expect(await response.json()).toMatchObject({ code: 'SHARD_ERR_CHECKOUT_TIMEOUT', shard: 'shared' })
  occupied.resolve()
  await held
  await atRest(sharding)
})
