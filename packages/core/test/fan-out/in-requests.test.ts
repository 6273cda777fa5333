import type { IncomingMessage } from 'node:http'
import { addFanOutMetadata, connectedToAllShards, type Sharding } from '@sherd/core'
import { bindNodeRequest, type RequestOptions } from '@sherd/core/adapter'
import { expect, test } from 'vitest'
import { serve } from '../adapter/serve.ts'
import { until } from '../support/until.ts'
import { NOWHERE, openShards } from './open-shards.ts'

type Options = Omit<RequestOptions<IncomingMessage>, 'sharding'>

/** A server whose requests are one tenant's, and ask all shards. */
async function serveAll(sharding: Sharding, options: Options, ask: () => Promise<unknown>) {
  const bound = { sharding, tenant: { header: 'x-tenant-id' }, ...options }
  const { port } = await serve((req, res) =>
    bindNodeRequest(req, res, bound, () => {
      ask().then(
        (body) => res.end(JSON.stringify(body)),
        (error) => {
          res.statusCode = 500
          res.end(error.code)
        },
      )
    }),
  )
  return async (init: RequestInit = {}, tenant = 'tenant-0', path = '/') => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      ...init,
      headers: { 'x-tenant-id': tenant },
    })
    return [answer.status, await answer.text()]
  }
}

test("a request's scope may not ask other shards", async () => {
  const { sharding } = await openShards({ count: 2 })
  const ask = await serveAll(sharding, {}, () => connectedToAllShards(() => 1))
  expect(await ask()).toEqual([500, 'SHARD_ERR_SCOPE_LOCKED'])
})

test('allowFanOut of the middleware, or of single requests, lets it', async () => {
  const { sharding, nothingBusy } = await openShards({ count: 2, pool: { max: 1 } })
  const count = async () =>
    (await connectedToAllShards(() => sharding.db.raw('select 1'))).metadata.successfulShards
  const all = await serveAll(sharding, { allowFanOut: true }, count)
  expect(await all()).toEqual([200, '2'])
  const allowed = { allowFanOut: true }
  const some = await serveAll(
    sharding,
    { perRequest: ({ url }) => (url === '/all' ? allowed : undefined) },
    count,
  )
  expect(await some()).toEqual([500, 'SHARD_ERR_SCOPE_LOCKED'])
  expect(await some({}, 'tenant-1', '/all')).toEqual([200, '2'])
  await nothingBusy()
})

test('what it allows is one step: from within a fan-out there is none, and no other shard', async () => {
  const { sharding } = await openShards({ count: 2 })
  const ask = await serveAll(sharding, { allowFanOut: true }, async () => {
    const nested = await connectedToAllShards(() => connectedToAllShards(() => 1).catch(({ code }) => code))
    const elsewhere = await connectedToAllShards(({ shard }) =>
      sharding.connectedTo(shard === 'shard_0' ? 'shard_1' : 'shard_0', () => 1).catch(({ code }) => code),
    )
    const values = [...nested.outcomes, ...elsewhere.outcomes].map((each) => 'value' in each && each.value)
    return [...new Set(values)]
  })
  expect(await ask()).toEqual([200, '["SHARD_ERR_SCOPE_LOCKED"]'])
})

test('a client of a GET that leaves stops it on all shards; that of a POST does not', async () => {
  const { sharding, running, nothingBusy } = await openShards({ count: 3 })
  // Not the request's own, whose query is stopped with its lease.
  const ask = await serveAll(sharding, { allowFanOut: true }, () =>
    sharding.fanOut({ shards: ['shard_1', 'shard_2'] }, () => sharding.db.raw('select pg_sleep(1.5)')),
  )
  for (const method of ['GET', 'POST']) {
    const controller = new AbortController()
    const left = ask({ method, signal: controller.signal }).catch((error) => error)
    await until(async () => (await running('pg_sleep')) === 2)
    const leftAt = performance.now()
    controller.abort()
    await left
    await until(async () => (await running('pg_sleep')) === 0)
    if (method === 'GET') expect(performance.now() - leftAt).toBeLessThan(1200)
    else expect(performance.now() - leftAt).toBeGreaterThan(1000)
    await nothingBusy()
  }
})

const metadata = { totalShards: 4, successfulShards: 3, failedShards: 1, completeness: 75 }
const expected = {
  'x-shards-total': '4',
  'x-shards-successful': '3',
  'x-shards-failed': '1',
  'x-shards-completeness': '75',
  'cache-control': 'no-store',
}

test('addFanOutMetadata() tells a client what an answer is made of, and nobody may keep a partial one', async () => {
  const { sharding } = await openShards({
    count: 4,
    shard: (number) => (number === 2 ? { connection: NOWHERE } : {}),
  })
  const { port } = await serve(async (_req, res) => {
    const result = await sharding.fanOut({ mode: 'partial' }, () => 1)
    res.setHeader('cache-control', 'max-age=60')
    res.end(JSON.stringify(addFanOutMetadata(res, result)))
  })
  const answer = await fetch(`http://127.0.0.1:${port}/`)
  expect(await answer.json()).toEqual(metadata)
  expect(Object.fromEntries(answer.headers)).toMatchObject(expected)
})

test('a complete answer may be kept, and other makes of answers take headers, too', () => {
  const headers = new Headers({ 'cache-control': 'max-age=60' })
  const complete = { ...metadata, successfulShards: 4, failedShards: 0, completeness: 100 }
  addFanOutMetadata(headers, { metadata: complete })
  expect(headers.get('cache-control')).toBe('max-age=60')
  const reply: Record<string, string> = {}
  addFanOutMetadata({ header: (name: string, value: string) => (reply[name] = value) }, { metadata })
  expect(reply).toEqual(expected)
  expect(() => addFanOutMetadata({} as Headers, { metadata })).toThrow(TypeError)
})
