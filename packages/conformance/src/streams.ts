import { EventEmitter } from 'node:events'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { bindScope, currentScope, db, type ShardingError } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { describe, expect, it } from 'vitest'
import { backendPid } from '../../core/test/support/backend-pid.ts'
import { errorOf } from '../../core/test/support/error-of.ts'
import type { Handler, StartApp } from './host.ts'
import { atRest, openShard, start } from './support/application.ts'

const url = await createDatabase()

export function describeStreams(name: string, startApp: StartApp): void {
  describe(`in ${name}`, () => {
    async function application(handler: Handler) {
      const sharding = openShard(url, { max: 2 })
      const app = await start(startApp, { sharding, routes: (routes) => routes.all('/', handler) })
      return { app, sharding }
    }

    it('S1: a body that the handler reads chunk by chunk keeps the scope and its connection', async () => {
      const { app, sharding } = await application(async (req, res) => {
        // Express leaves it in the request.
        const body = (req.body instanceof Readable ? req.body : req) as AsyncIterable<Buffer>
        const seen = new Set<string>()
        let bytes = 0
        for await (const chunk of body) {
          bytes += chunk.length
          seen.add(`${currentScope()?.tenant} ${await backendPid(db)}`)
        }
        res.json({ bytes, seen: [...seen] })
      })
      const lines = async function* () {
        for (let n = 0; n < 5; n++) {
          yield Buffer.from(`{"n":${n},"text":"${'x'.repeat(50_000)}"}\n`)
          await delay(5)
        }
      }
      const upload = (tenant: string) =>
        app.json<{ bytes: number; seen: string[] }>('/', tenant, {
          method: 'POST',
          headers: { 'content-type': 'application/x-ndjson' },
          body: Readable.toWeb(Readable.from(lines())) as ReadableStream,
          duplex: 'half',
        } as RequestInit)
      const answers = await Promise.all(['acme', 'globex'].map(upload))
      for (const [index, { bytes, seen }] of answers.entries()) {
        expect(bytes).toBeGreaterThan(250_000)
        expect(seen).toEqual([expect.stringMatching(new RegExp(`^${['acme', 'globex'][index]} \\d+$`))])
      }
      await atRest(sharding)
    })

    it('S1: an async iterator that is the answer queries in its scope, between its chunks', async () => {
      const { app, sharding } = await application((_req, res) => {
        async function* parts() {
          for (let n = 0; n < 20; n++) {
            await delay(1)
            yield `${currentScope()?.tenant} ${await backendPid(db)}\n`
          }
        }
        res.stream(Readable.from(parts()))
      })
      const texts = await Promise.all(
        ['acme', 'globex'].map(async (tenant) => (await app.ask('/', tenant)).text()),
      )
      for (const [index, text] of texts.entries()) {
        const lines = text.trim().split('\n')
        expect(lines).toHaveLength(20)
        expect(new Set(lines).size).toBe(1)
        expect(lines[0]).toMatch(new RegExp(`^${['acme', 'globex'][index]} \\d+$`))
      }
      await atRest(sharding)
    })

    it('S7: a listener has its scope when it is bound, and else the scope of whoever emits, or none', async () => {
      const news = new EventEmitter()
      const { app, sharding } = await application(async (_req, res) => {
        const bound = new Promise((resolve) => {
          news.once(
            'from nobody',
            bindScope(async () => resolve([currentScope()?.tenant, await backendPid(db)])),
          )
        })
        const plain = new Promise((resolve) => {
          news.once('from nobody', async () => {
            const { code } = (await errorOf(async () => db.raw('select 1'))) as ShardingError
            resolve([currentScope()?.tenant ?? null, code])
          })
        })
        const pid = await backendPid(db)
        const [atHome, outside] = [await bound, await plain]
        res.json({ pid, atHome, outside })
      })
      // From a context that belongs to no request.
      const timer = setInterval(() => news.emit('from nobody'), 5)
      try {
        const { pid, ...heard } = await app.json<{ pid: number }>('/', 'acme')
        expect(heard).toEqual({ atHome: ['acme', pid], outside: [null, 'SHARD_ERR_SCOPE_MISSING'] })
      } finally {
        clearInterval(timer)
      }
      await atRest(sharding)
    })
  })
}
