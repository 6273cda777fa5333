import { once } from 'node:events'
import { request } from 'node:http'
import { currentScope, db } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import type { Application } from 'express'
import multer from 'multer'
import { describe, expect, it } from 'vitest'
import { deferred } from '../../core/test/support/deferred.ts'
import { until } from '../../core/test/support/until.ts'
import { atRest, poolOf, type RunningApplication, route, start } from './support/application.ts'
import { expressVersions } from './support/express-versions.ts'
import { openShard } from './support/open-shards.ts'

const url = await createDatabase()

/** An upload that has begun and goes on when the test says so. */
function upload({ port }: RunningApplication, path: string) {
  const headers = {
    'x-tenant-id': 'acme',
    'content-type': 'application/json',
    'transfer-encoding': 'chunked',
  }
  const client = request({ port, path, method: 'POST', headers })
  client.write('{"name":')
  const answer = once(client, 'response').then(async ([response]) => {
    let text = ''
    for await (const chunk of response) text += chunk
    return JSON.parse(text)
  })
  return { finish: () => client.end('"x"}'), answer }
}

describe.each(expressVersions)('a body in %s', (_version, express) => {
  it('fault 27: that is uploaded slowly holds no connection, and the handler behind it has one', async () => {
    const sharding = openShard(url, { max: 1 })
    const begun = deferred()
    const app = await start(express, {
      sharding,
      routes: (routes) => {
        routes.use((_req, _res, next) => {
          begun.resolve()
          next()
        })
        routes.post('/', express.json(), route(handler))
        routes.get('/', route(handler))
      },
    })
    const slow = upload(app, '/')
    await begun.promise
    expect(poolOf(sharding)).toMatchObject({ active: 0, waiting: 0 })
    await expect(app.json('/', 'globex')).resolves.toMatchObject({ tenant: 'globex' })
    slow.finish()
    await expect(slow.answer).resolves.toEqual({ tenant: 'acme', one: 1, body: { name: 'x' } })
    await atRest(sharding)
  })

  it('that is uploaded slowly holds a connection with checkout: eager', async () => {
    const sharding = openShard(url, { max: 1 })
    const app = await start(express, {
      sharding,
      options: { checkout: 'eager' },
      routes: (routes) => {
        routes.post('/', express.json(), route(handler))
      },
    })
    const slow = upload(app, '/')
    await until(() => poolOf(sharding).active === 1)
    slow.finish()
    await expect(slow.answer).resolves.toMatchObject({ tenant: 'acme', one: 1 })
    await atRest(sharding)
  })

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
    const init = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }
    await expect(app.json('/', 'acme', init)).resolves.toBe(1)
    await atRest(sharding)
  })

  it('of any kind leaves the scope as it is', async () => {
    const sharding = openShard(url)
    const store = multer({ storage: multer.memoryStorage() })
    const app = await start(express, {
      sharding,
      routes: (routes: Application) => {
        routes.use(express.json(), express.urlencoded({ extended: true }), express.text(), express.raw())
        routes.post('/', store.any(), route(handler))
      },
    })
    const form = new FormData()
    form.append('name', 'x')
    form.append('file', new Blob(['y'.repeat(300_000)]), 'y.txt')
    const bodies: [string, RequestInit][] = [
      ['json', { body: '{"name":"x"}', headers: { 'content-type': 'application/json' } }],
      ['urlencoded', { body: new URLSearchParams({ name: 'x' }) }],
      ['text', { body: 'x', headers: { 'content-type': 'text/plain' } }],
      ['raw', { body: 'x', headers: { 'content-type': 'application/octet-stream' } }],
      ['multipart', { body: form }],
      ['none', {}],
    ]
    for (const [kind, init] of bodies) {
      const answer = await app.json('/', 'acme', { method: 'POST', ...init })
      expect([kind, answer]).toMatchObject([kind, { tenant: 'acme', one: 1 }])
    }
    await atRest(sharding)
  })
})

const handler: Parameters<typeof route>[0] = async (req, res) => {
  const { rows } = await db.raw('select 1 as one')
  res.json({ tenant: currentScope()?.tenant, one: rows[0].one, body: req.body })
}
