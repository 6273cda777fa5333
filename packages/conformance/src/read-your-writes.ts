import { connectedTo, currentScope, db, type Sharding, type StampMissedMessage } from '@sherd/core'
import type { ReadFromReplicasOptions } from '@sherd/core/adapter'
import { createDatabase } from '@sherd/local-servers/test-database'
import { describe, expect, it } from 'vitest'
import { openSharding } from '../../core/test/support/open-sharding.ts'
import type { HostRequest, HostResponse, StartApp } from './host.ts'
import { atRest, type Routes, type RunningApplication, start } from './support/application.ts'
import { Browser } from './support/browser.ts'

// Databases that have nothing to do with each other: what was read says which of them was asked.
const [primary, replica, other, otherReplica] = [
  await createDatabase(),
  await createDatabase(),
  await createDatabase(),
  await createDatabase(),
]
const [P, R] = [primary, replica].map((url) => new URL(url).pathname.slice(1))

const secret = 'a secret of thirty-two characters'

function open(): Sharding {
  return openSharding({
    shard_0: { connection: primary, replicas: [{ connection: replica }], tenants: ['acme', 'globex'] },
    shard_1: { connection: other, replicas: [{ connection: otherReplica }], tenants: ['initech'] },
  })
}

/** Which database the current scope is on. */
async function where(): Promise<string> {
  return (await db.raw('select current_database() as name')).rows[0].name
}

const write = () => db.raw('create table if not exists written ()')
const inRole = <T>(role: 'writing' | 'reading', fn: () => Promise<T>) => connectedTo({ role }, fn)

function routes(app: Routes): void {
  app.get('/', async (_req, res) => res.json(await where()))
  app.post('/', async (_req, res) => {
    await write()
    res.json(await where())
  })
}

async function serve(
  startApp: StartApp,
  options: ReadFromReplicasOptions<HostRequest>,
  more: (app: Routes) => void = () => {},
): Promise<{ sharding: Sharding; app: RunningApplication }> {
  const sharding = open()
  const app = await start(startApp, {
    sharding,
    options: { readFromReplicas: options },
    routes: (all) => {
      routes(all)
      more(all)
    },
  })
  return { sharding, app }
}

export function describeReadYourWrites(name: string, startApp: StartApp): void {
  describe(`reading from replicas in ${name}`, () => {
    it('a client that has written reads the primary, and no other client does, and on no other shard', async () => {
      const { sharding, app } = await serve(startApp, { secret, windowMs: 60_000 })
      const [writer, reader] = [new Browser(app), new Browser(app, 'globex')]
      expect(await writer.get('/')).toBe(R)
      expect(await writer.post('/')).toBe(P)
      expect(await writer.get('/')).toBe(P)
      expect((await writer.ask('/', { method: 'HEAD' })).status).toBe(200)
      expect(await reader.get('/')).toBe(R)
      // The same browser, for a tenant of another shard.
      const elsewhere = new Browser(app, 'initech')
      for (const [key, value] of writer.cookies) elsewhere.cookies.set(key, value)
      expect(await elsewhere.get('/')).toBe(new URL(otherReplica).pathname.slice(1))
      expect(await writer.get('/')).toBe(P)
      await atRest(sharding)
    })

    it('a handler that reads finds itself the same on the primary: writes are refused there, too', async () => {
      const { sharding, app } = await serve(startApp, { secret, windowMs: 60_000 }, (all) => {
        all.get('/write', async (_req, res) =>
          res.json([currentScope()?.role, await write().then(String, ({ code }) => code)]),
        )
      })
      const browser = new Browser(app)
      for (const _ of ['on the replica', 'on the primary']) {
        expect(await browser.get('/write')).toEqual(['reading', 'SHARD_ERR_WRITE_PREVENTED'])
        await browser.post('/')
      }
      await atRest(sharding)
    })

    it('a handler that throws after it has written is remembered, one that only read is not', async () => {
      const { sharding, app } = await serve(startApp, { secret, windowMs: 60_000 }, (all) => {
        all.post('/search', async (_req, res) => res.json(await where()))
        all.post('/throw', async () => {
          await write()
          throw new Error('after the write')
        })
        all.post('/transaction', async (_req, res) => {
          const failed = await db.transaction(async () => write()).then(where)
          res.json(failed)
        })
      })
      const browser = new Browser(app)
      expect(await browser.post('/search')).toBe(P)
      expect(browser.cookies.size).toBe(0)
      expect(await browser.get('/')).toBe(R)
      expect((await browser.ask('/throw', { method: 'POST' })).status).toBe(500)
      expect(await browser.get('/')).toBe(P)
      const another = new Browser(app)
      await another.post('/transaction')
      expect(await another.get('/')).toBe(P)
      await atRest(sharding)
    })

    it('a writing scope inside a request that reads works and is remembered, within the request already', async () => {
      const { sharding, app } = await serve(startApp, { secret, windowMs: 60_000 }, (all) => {
        all.get('/visit', async (_req, res) => {
          const before = await inRole('reading', where)
          const inside = await inRole('writing', async () => {
            await write()
            return [await where(), await inRole('reading', where)]
          })
          res.json([before, ...inside, await inRole('reading', where), await where()])
        })
      })
      const browser = new Browser(app)
      expect(await browser.get('/visit')).toEqual([R, P, P, P, P])
      expect(await browser.get('/')).toBe(P)
      await atRest(sharding)
    })

    it('with a window of 0 replicas are read, whatever was written, and nothing is sent', async () => {
      const { sharding, app } = await serve(startApp, { windowMs: 0 }, (all) => {
        all.post('/both', async (_req, res) => {
          await write()
          res.json([await where(), await inRole('reading', where)])
        })
      })
      const browser = new Browser(app)
      expect(await browser.post('/both')).toEqual([P, R])
      expect(await browser.get('/')).toBe(R)
      expect(browser.cookies.size).toBe(0)
      await atRest(sharding)
    })

    it('a stamp that was tampered with, or is of another secret, is as none', async () => {
      const { app } = await serve(startApp, { secret, windowMs: 60_000 })
      const stranger = await serve(startApp, { secret: `${secret}!`, windowMs: 60_000 })
      const browser = new Browser(app)
      await browser.post('/')
      const [[cookie, stamp]] = browser.cookies as unknown as [[string, string]]
      const changed = stamp.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))
      const twice = `${cookie}=x; ${cookie}=${'y'.repeat(5000)}`
      for (const header of [`${cookie}=${changed}`, twice, `${cookie}=`, `${cookie}`]) {
        expect(await app.json('/', 'acme', { headers: { cookie: header } })).toBe(R)
      }
      const headers = { cookie: `${cookie}=${stamp}` }
      expect(await stranger.app.json('/', 'acme', { headers })).toBe(R)
      expect(await app.json('/', 'acme', { headers })).toBe(P)
      expect(await app.json('/', 'acme', { headers: { cookie: `${twice}; ${cookie}=${stamp}` } })).toBe(P)
    })

    it("the stamp is a cookie beside the application's own, which no script reads", async () => {
      const { app } = await serve(startApp, { secret }, (all) => {
        all.post('/cookies', async (_req, res) => {
          await write()
          const raw = res.bare()
          raw.setHeader('set-cookie', ['lost=1'])
          raw.writeHead(201, {
            'Set-Cookie': ['session=1; Path=/', 'theme=dark'],
            'content-type': 'text/plain',
          })
          raw.end('done')
        })
        all.post('/late-cookie', async (_req, res) => {
          await write()
          const raw = res.bare()
          raw.setHeader('set-cookie', 'session=2')
          raw.writeHead(201, 'Made', ['x-one', '1'] as never)
          raw.end()
        })
      })
      const cookiesOf = async (path: string) =>
        (await app.ask(path, 'acme', { method: 'POST' })).headers.getSetCookie()
      const [session, theme, stamp, ...more] = await cookiesOf('/cookies')
      expect([session, theme, more]).toEqual(['session=1; Path=/', 'theme=dark', []])
      expect(stamp).toMatch(/^sherd-stamp-[\w-]{8}=[\w.-]+; Max-Age=3; Path=\/; HttpOnly; SameSite=Lax$/)
      expect(await cookiesOf('/late-cookie')).toEqual(['session=2', expect.stringContaining('sherd-stamp-')])
      const behindTls = await app.ask('/', 'acme', {
        method: 'POST',
        headers: { 'x-forwarded-proto': 'https' },
      })
      expect(behindTls.headers.getSetCookie()).toEqual([expect.stringContaining('; HttpOnly; Secure; ')])
    })

    it('a header carries it for clients without cookies', async () => {
      const { app } = await serve(startApp, { secret, windowMs: 60_000, cookie: false, header: 'X-Stamp' })
      const written = await app.ask('/', 'acme', { method: 'POST' })
      const stamp = written.headers.get('x-stamp') as string
      expect(written.headers.getSetCookie()).toEqual([])
      const at = (headers: Record<string, string>) => app.json('/', 'acme', { headers })
      expect(await at({ 'x-stamp': stamp })).toBe(P)
      expect(await at({ 'x-stamp': `one, two, ${stamp}` })).toBe(P)
      expect(await at({ 'x-stamp': `${'z'.repeat(4000)}` })).toBe(R)
      expect(await at({})).toBe(R)
    })

    it('an answer that begins before its request has written is stamped, one that writes after it is told', async () => {
      const { sharding, app } = await serve(startApp, { secret, windowMs: 60_000 }, (all) => {
        const streamed = (role: 'writing' | 'reading') => async (_req: HostRequest, res: HostResponse) => {
          const raw = res.bare()
          raw.write('[')
          await inRole(role, role === 'writing' ? write : where)
          raw.end(']')
        }
        all.post('/stream', streamed('writing'))
        all.get('/stream', streamed('writing'))
        all.get('/plain', streamed('reading'))
      })
      const missed: StampMissedMessage[] = []
      sharding.on('stamp:missed', (message) => missed.push(message))
      const [posting, getting, reading] = [new Browser(app), new Browser(app), new Browser(app)]
      await (await posting.ask('/stream', { method: 'POST' })).text()
      expect(await posting.get('/')).toBe(P)
      expect(missed).toMatchObject([{ shard: 'shard_0', cause: 'headers-sent' }])
      await (await getting.ask('/stream')).text()
      expect(getting.cookies.size).toBe(0)
      expect(missed).toHaveLength(2)
      await (await reading.ask('/plain')).text()
      expect([missed.length, reading.cookies.size]).toEqual([2, 0])
      await atRest(sharding)
    })

    it("a store of the user's is asked and told, awaited, and not believed to work", async () => {
      const kept = new Map<string, number>()
      const user = (req: HostRequest) => String(req.headers['x-user'])
      let isDown = false
      let isAsked = 0
      const { sharding, app } = await serve(
        startApp,
        {
          windowMs: 60_000,
          store: {
            async lastWrite(req, shard) {
              isAsked++
              if (isDown) throw Object.assign(new Error('no store'), { code: 'ECONNREFUSED' })
              return kept.get(`${user(req)} ${shard}`)
            },
            async wrote(req, shard, at) {
              await new Promise(setImmediate)
              if (isDown) throw Object.assign(new Error('no store'), { code: 'ECONNREFUSED' })
              kept.set(`${user(req)} ${shard}`, at)
            },
          },
        },
        (all) => {
          all.post('/check', async (req, res) => {
            await db.transaction(async () => {
              await write()
            })
            res.json(kept.has(`${user(req)} shard_0`))
          })
        },
      )
      const ask = (path: string, name: string, method = 'GET') =>
        app.json(path, 'acme', { method, headers: { 'x-user': name } })
      const missed: [string, string | undefined][] = []
      sharding.on('stamp:missed', ({ cause, code }) => missed.push([cause, code]))
      expect(await ask('/', 'eve')).toBe(R)
      // By the time the handler knows that it has written, everybody else knows, too.
      expect(await ask('/check', 'ann', 'POST')).toBe(true)
      expect([await ask('/', 'ann'), await ask('/', 'bob')]).toEqual([P, R])
      expect(isAsked).toBe(3)
      isDown = true
      expect(await ask('/', 'eve')).toBe(P)
      expect(await ask('/', 'bob', 'POST')).toBe(P)
      expect(missed).toEqual([
        ['not-asked', 'ECONNREFUSED'],
        ['not-stored', 'ECONNREFUSED'],
      ])
      await atRest(sharding)
    })
  })
}
