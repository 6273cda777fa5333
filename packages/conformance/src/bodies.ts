import { once } from 'node:events'
import { request } from 'node:http'
import { currentScope, db } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { describe, expect, it } from 'vitest'
import { deferred } from '../../core/test/support/deferred.ts'
import { until } from '../../core/test/support/until.ts'
import type { Handler, StartApp } from './host.ts'
import {
  atRest,
  openShard,
  poolOf,
  type Routes,
  type RunningApplication,
  start,
} from './support/application.ts'

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

export function describeBodies(name: string, startApp: StartApp): void {
  describe(`a body in ${name}`, () => {
    it('fault 27: that is uploaded slowly holds no connection, and the handler behind it has one', async () => {
      const sharding = openShard(url, { max: 1 })
      const begun = deferred()
      const app = await start(startApp, {
        sharding,
        beforeBody: () => begun.resolve(),
        routes: (routes) => {
          routes.post('/', handler)
          routes.get('/', handler)
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
      const app = await start(startApp, {
        sharding,
        options: { checkout: 'eager' },
        routes: (routes) => {
          routes.post('/', handler)
        },
      })
      const slow = upload(app, '/')
      await until(() => poolOf(sharding).active === 1)
      slow.finish()
      await expect(slow.answer).resolves.toMatchObject({ tenant: 'acme', one: 1 })
      await atRest(sharding)
    })

    it('of any kind leaves the scope as it is', async () => {
      const sharding = openShard(url)
      const app = await start(startApp, {
        sharding,
        routes: (routes: Routes) => {
          routes.post('/', handler)
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
}

const handler: Handler = async (req, res) => {
  const { rows } = await db.raw('select 1 as one')
  res.json({ tenant: currentScope()?.tenant, one: rows[0].one, body: req.body })
}
