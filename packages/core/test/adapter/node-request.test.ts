import { once } from 'node:events'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { connect as connect2, constants, createServer as createServer2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { connectedTo, currentScope, db, type Sharding } from '@sherd/core'
import {
  bindNodeRequest,
  checkOutNodeRequest,
  enterNodeRequest,
  type RequestOptions,
} from '@sherd/core/adapter'
import { createDatabase } from '@sherd/local-servers/test-database'
import { describe, expect, it, onTestFinished } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { deferred } from '../support/deferred.ts'
import { openSharding } from '../support/open-sharding.ts'
import { until } from '../support/until.ts'
import { RawClient, serve } from './serve.ts'

const url = await createDatabase()
const HEADER = { tenant: { header: 'x-tenant-id' } } as const
const ACME = 'x-tenant-id: acme'

type Options = Partial<RequestOptions<IncomingMessage>>
type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

function open(pool: { max?: number; checkoutTimeoutMs?: number } = {}): Sharding {
  return openSharding({ shard_0: { connection: url, pool, tenants: ['acme', 'globex'] } })
}

/** Plain `node:http`, without a framework. */
function bound(sharding: Sharding, handler: Handler, options: Options = {}) {
  const all = { sharding, ...HEADER, ...options }
  return serve((req, res) => {
    bindNodeRequest(req, res, all, (error) => {
      if (error !== undefined) res.writeHead(500).end()
      else void handler(req, res)
    })
  })
}

const pool = (sharding: Sharding) => {
  const { active, waiting, total } = sharding.stats().shards['shard_0']?.writing ?? {}
  return { active, waiting, total }
}

/** Whether nothing is lent and nobody waits, as soon as what was given back is clean. */
const isAtRest = (sharding: Sharding) => pool(sharding).active === 0 && pool(sharding).waiting === 0

/** Keeps one connection until it is told to let go. */
function occupy(sharding: Sharding): { release: () => Promise<void> } {
  const { promise, resolve } = deferred()
  const done = connectedTo_(sharding, () => promise)
  onTestFinished(() => {
    resolve()
  })
  return {
    release: () => {
      resolve()
      return done
    },
  }
}

function connectedTo_<T>(sharding: Sharding, fn: () => Promise<T>): Promise<T> {
  return sharding.connectedTo('shard_0', fn) as Promise<T>
}

describe('a request to a plain Node server', () => {
  it('runs in the scope of its tenant, and without a tenant in none', async () => {
    const sharding = open()
    const { port } = await bound(sharding, async (req, res) => {
      const { shard } = req as { shard?: { name: string; tenant?: string } }
      res.end(JSON.stringify([currentScope() ?? null, shard?.name, shard?.tenant]))
    })
    const ask = (headers: Record<string, string>) =>
      fetch(`http://127.0.0.1:${port}/`, { headers }).then((response) => response.json())
    const scope = { shard: 'shard_0', tenant: 'acme', role: 'writing', preventWrites: false, locked: true }
    await expect(ask({ 'x-tenant-id': 'acme' })).resolves.toEqual([scope, 'shard_0', 'acme'])
    await expect(ask({})).resolves.toEqual([null, null, null])
  })

  it('S9: leaves no scope behind for the next request of its socket', async () => {
    const sharding = open()
    const { port } = await bound(sharding, async (_req, res) => {
      if (currentScope() !== undefined) await db.raw('select 1')
      res.end(JSON.stringify(currentScope()?.tenant ?? null))
    })
    const client = new RawClient(port)
    const ask = async (...headers: string[]) => {
      client.request('GET /', ...headers)
      return /[^\n]*$/.exec(await client.receive(/\r\n\r\n.*(?:null|acme"|globex")/s))?.[0]
    }
    for (let round = 0; round < 5; round++) {
      await expect(ask(ACME)).resolves.toContain('"acme"')
      await expect(ask()).resolves.toContain('null')
      await expect(ask('x-tenant-id: globex')).resolves.toContain('"globex"')
      client.request('GET /', 'x-tenant-id: nobody')
      await client.receive(/404 Not Found.*\r\n\r\n\{.*\}/s)
      await expect(ask()).resolves.toContain('null')
    }
  })

  it('sees no scope without a tenant even where the server was started in one', async () => {
    const sharding = open()
    const seen: unknown[] = []
    const { port } = await connectedTo_(sharding, () =>
      bound(
        sharding,
        (_req, res) => {
          seen.push(currentScope())
          res.end()
        },
        {
          tenant: () => {
            seen.push(currentScope())
            return undefined
          },
        },
      ),
    )
    await fetch(`http://127.0.0.1:${port}/`)
    expect(seen).toEqual([undefined, undefined])
  })

  it('is refused with a problem and all its headers when there is no such tenant', async () => {
    const { port } = await bound(open(), (_req, res) => res.end('reached'))
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-tenant-id': 'nobody' } })
    expect(response.status).toBe(404)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(response.headers.get('cache-control')).toBe('no-store')
    const text = await response.text()
    expect(response.headers.get('content-length')).toBe(String(Buffer.byteLength(text)))
    expect(JSON.parse(text)).toEqual({
      type: 'about:blank',
      title: 'Not found',
      status: 404,
      code: 'SHARD_ERR_TENANT_UNKNOWN',
    })
  })

  it.each([
    ['twice', ['x-tenant-id: acme', 'X-Tenant-Id: globex']],
    ['twice with one value', ['x-tenant-id: acme', 'x-tenant-id: acme']],
    ['empty', ['x-tenant-id:']],
    ['as spaces', ['x-tenant-id:    ']],
    ['too long', [`x-tenant-id: ${'a'.repeat(256)}`]],
    ['with a control character', ['x-tenant-id: a\u0085b']],
  ])('is refused when its tenant header came %s', async (_how, headers) => {
    const { port } = await bound(open(), (_req, res) => res.end('reached'))
    const client = new RawClient(port)
    client.socket.write(`GET / HTTP/1.1\r\nhost: localhost\r\n${headers.join('\r\n')}\r\n\r\n`, 'latin1')
    const answer = await client.receive(/\r\n\r\n\{.*\}/s)
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request/)
    expect(answer).toContain(
      '{"type":"about:blank","title":"Bad request","status":400,"code":"SHARD_ERR_TENANT_INVALID"}',
    )
  })

  it('has its tenant in the path of an absolute URL, too', async () => {
    const { port } = await bound(open(), (_req, res) => res.end(currentScope()?.tenant), {
      tenant: { path: '/t/:tenant' },
    })
    const client = new RawClient(port)
    client.request('GET http://example.com/t/globex/x?y=/t/acme')
    await expect(client.receive(/\r\n\r\n.*globex/s)).resolves.toContain('200 OK')
  })

  it('without a body is answered to HEAD as to GET, refusals included', async () => {
    const sharding = open()
    const { port } = await bound(sharding, async (_req, res) => {
      await db.raw('select 1')
      res.setHeader('x-seen', currentScope()?.tenant ?? '')
      res.end('body')
    })
    const head = (tenant: string) =>
      fetch(`http://127.0.0.1:${port}/`, { method: 'HEAD', headers: { 'x-tenant-id': tenant } })
    const answered = await head('acme')
    expect([answered.status, answered.headers.get('x-seen')]).toEqual([200, 'acme'])
    const refused = await head('nobody')
    expect([refused.status, await refused.text()]).toEqual([404, ''])
    expect(Number(refused.headers.get('content-length'))).toBeGreaterThan(0)
    await until(() => isAtRest(sharding))
  })
})

describe('OPTIONS', () => {
  const preflight = (port: number, headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${port}/`, { method: 'OPTIONS', headers }).then((response) => response.text())

  const show: Handler = (_req, res) => res.end(currentScope()?.tenant ?? 'unscoped')

  it('is never refused: without a tenant where one is required, with an unknown or a malformed one', async () => {
    const { port } = await bound(open(), show, { required: true })
    await expect(preflight(port)).resolves.toBe('unscoped')
    await expect(preflight(port, { 'x-tenant-id': 'nobody' })).resolves.toBe('unscoped')
    await expect(preflight(port, { 'x-tenant-id': '' })).resolves.toBe('unscoped')
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(400)
  })

  it('is never refused: with a source that rejects later', async () => {
    const { port } = await bound(open(), show, { tenant: async () => 'nobody' })
    await expect(preflight(port)).resolves.toBe('unscoped')
  })

  it('is never refused: by a full pool, for it takes no connection', async () => {
    const sharding = open({ max: 1 })
    const { port } = await bound(sharding, show, { checkout: 'eager' })
    occupy(sharding)
    await until(() => pool(sharding).active === 1)
    await expect(preflight(port, { 'x-tenant-id': 'acme' })).resolves.toBe('acme')
  })

  it('is never refused: by a Sharding that is closed', async () => {
    const sharding = open()
    const { port } = await bound(sharding, show)
    await sharding.close()
    await expect(preflight(port, { 'x-tenant-id': 'acme' })).resolves.toBe('acme')
    expect((await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-tenant-id': 'acme' } })).status).toBe(
      503,
    )
  })

  it('can query where it has a tenant', async () => {
    const sharding = open()
    const { port } = await bound(sharding, async (_req, res) => {
      res.end(String((await backendPid(db)) > 0))
    })
    await expect(preflight(port, { 'x-tenant-id': 'acme' })).resolves.toBe('true')
    await until(() => isAtRest(sharding))
  })
})

describe('next', () => {
  const thrown = new Error('a bug in the application')
  const fail: Handler = () => {
    throw thrown
  }

  /** What reaches nobody, while vitest looks away. */
  function uncaught(): Promise<unknown> {
    const others = process.listeners('uncaughtException')
    const { promise, resolve } = deferred<unknown>()
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', resolve)
    onTestFinished(() => {
      process.removeAllListeners('uncaughtException')
      for (const other of others) process.on('uncaughtException', other)
    })
    return promise
  }

  it.each([
    ['at once', { checkout: 'lazy' }],
    ['behind a tenant source that takes its time', { checkout: 'lazy', tenant: async () => 'acme' }],
    ['behind a connection that has to be opened', { checkout: 'eager' }],
  ] as const)('that throws %s is uncaught as it would be without the binding', async (_when, options) => {
    const sharding = open()
    const { port } = await bound(sharding, fail, options)
    const surfaced = uncaught()
    const client = new RawClient(port)
    client.request('GET /', ACME)
    await expect(surfaced).resolves.toBe(thrown)
    client.socket.destroy()
    await until(() => isAtRest(sharding))
  })

  it('is not called for a client that has gone while its tenant was looked up, and no connection is taken', async () => {
    const sharding = open()
    const asked = deferred()
    const answer = deferred<string>()
    const gone = deferred()
    let reached = 0
    const { port } = await serve((req, res) => {
      res.once('close', () => gone.resolve())
      const tenant = () => {
        asked.resolve()
        return answer.promise
      }
      bindNodeRequest(req, res, { sharding, tenant }, () => reached++)
    })
    const client = new RawClient(port)
    client.request('GET /')
    await asked.promise
    client.socket.destroy()
    await gone.promise
    answer.resolve('acme')
    await until(async () => (await answer.promise) === 'acme')
    expect(reached).toBe(0)
    expect(pool(sharding)).toEqual({ active: 0, waiting: 0, total: 0 })
  })

  it.each([
    ['and its events come at once', true],
    ['and its events are still to come', false],
  ])(
    'fault 3: is not called when the client goes in the instant in which the connection comes, %s',
    async (_when, isTold) => {
      const sharding = openSharding({
        shard_0: { connection: url, pool: { max: 1 }, tenants: ['acme'], scrub: 'never' },
      })
      let reached = 0
      let response!: ServerResponse
      const { port } = await serve((req, res) => {
        response = res
        bindNodeRequest(req, res, { sharding, ...HEADER }, () => reached++)
      })
      const holder = occupy(sharding)
      await until(() => pool(sharding).active === 1)
      const client = new RawClient(port)
      client.request('GET /', ACME)
      await until(() => pool(sharding).waiting === 1)
      void holder.release()
      // Without a turn of the event loop: as soon as the pool has served the request, and before that is told.
      while (pool(sharding).waiting === 1) await Promise.resolve()
      const { socket } = response
      response.destroy()
      if (isTold) socket?.emit('close')
      await until(() => isAtRest(sharding))
      expect(reached).toBe(0)
      await expect(connectedTo_(sharding, () => backendPid(sharding.db))).resolves.toBeGreaterThan(0)
    },
  )

  it('is not called for a request that somebody else answered while it waited for a connection', async () => {
    const sharding = open({ max: 1, checkoutTimeoutMs: 60_000 })
    let reached = 0
    const { port } = await serve((req, res) => {
      bindNodeRequest(req, res, { sharding, ...HEADER }, () => reached++)
      void until(() => pool(sharding).waiting === 1).then(() => res.writeHead(504).end())
    })
    const holder = occupy(sharding)
    await until(() => pool(sharding).active === 1)
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-tenant-id': 'acme' } })
    expect(response.status).toBe(504)
    await until(() => pool(sharding).waiting === 0)
    await holder.release()
    await until(() => isAtRest(sharding))
    expect(reached).toBe(0)
  })

  it('L6: is called for a request that was answered before, whose queries take short leases', async () => {
    const sharding = open({ max: 1 })
    const done = deferred<unknown[]>()
    const { port } = await serve((req, res) => {
      res.writeHead(202).end()
      bindNodeRequest(req, res, { sharding, ...HEADER }, async () => {
        const held = pool(sharding).active
        await db.raw('select 1')
        done.resolve([held, currentScope()?.tenant])
      })
    })
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-tenant-id': 'acme' } })
    expect(response.status).toBe(202)
    await expect(done.promise).resolves.toEqual([0, 'acme'])
    await until(() => isAtRest(sharding))
  })

  it('L6: is called for such a request also where its connection is taken later, and its client has gone by then', async () => {
    const sharding = open({ max: 1 })
    const done = deferred<unknown>()
    const { port } = await serve((req, res) => {
      res.writeHead(202).end()
      const host = { request: req, req, res, isAnswered: true, answer: () => expect.unreachable() }
      enterNodeRequest(host, { sharding, ...HEADER }, () => {
        res.once('close', () => {
          checkOutNodeRequest(req, () => done.resolve(db.raw('select 1').then(() => currentScope()?.tenant)))
        })
      })
    })
    await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-tenant-id': 'acme' } })
    await expect(done.promise).resolves.toBe('acme')
    await until(() => isAtRest(sharding))
  })
})

describe('HTTP/2', () => {
  it('has a connection until end() is called, and until a stream is reset', async () => {
    const sharding = open({ max: 1 })
    const reached = [deferred(), deferred()] as const
    const server = createServer2((req, res) => {
      const http1 = [req, res] as unknown as [IncomingMessage, ServerResponse]
      bindNodeRequest(...http1, { sharding, ...HEADER }, async () => {
        await db.raw('select 1')
        if (req.url === '/hangs') reached[0].resolve()
        else res.end(String(currentScope()?.tenant), () => reached[1].resolve())
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connect2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    onTestFinished(() => {
      client.destroy()
      server.close()
    })
    const hanging = client.request({ ':path': '/hangs', 'x-tenant-id': 'acme' })
    hanging.on('error', () => {})
    await reached[0].promise
    expect(pool(sharding).active).toBe(1)
    hanging.close(constants.NGHTTP2_CANCEL)
    await until(() => isAtRest(sharding))
    const served = client.request({ ':path': '/', 'x-tenant-id': 'globex' })
    expect(await text(served)).toBe('globex')
    await reached[1].promise
    await until(() => isAtRest(sharding))
  })
})

describe('requests that share a socket', () => {
  it('are answered one after another, each in its own scope', async () => {
    const sharding = open({ max: 2 })
    const { port } = await bound(sharding, async (req, res) => {
      await db.raw('select 1')
      res.end(`<${currentScope()?.tenant}${req.url}>`)
    })
    const client = new RawClient(port)
    for (let index = 0; index < 10; index++) {
      client.request(`GET /${index}`, `x-tenant-id: ${index % 2 === 0 ? 'acme' : 'globex'}`)
    }
    const text = await client.receive(/<globex\/9>/)
    expect(text.match(/<.*?>/g)).toEqual(
      Array.from({ length: 10 }, (_, index) => `<${index % 2 === 0 ? 'acme' : 'globex'}/${index}>`),
    )
    await until(() => isAtRest(sharding))
  })

  it('L5: hold no connection once answered, though the reader of the first is slow and the second has to wait', async () => {
    const sharding = open({ max: 2 })
    let answered = 0
    let finished = 0
    const { port } = await bound(sharding, async (req, res) => {
      await db.raw('select 1')
      res.on('finish', () => finished++)
      res.end(req.url === '/large' ? Buffer.alloc(32 * 1024 * 1024) : 'small')
      answered++
    })
    const client = new RawClient(port)
    client.socket.pause()
    client.request('GET /large', ACME)
    client.request('GET /small', ACME)
    await until(() => answered === 2)
    await until(() => isAtRest(sharding))
    expect(finished).toBe(0)
  })

  it('L7: give up together when their client leaves, the one behind another included', async () => {
    const sharding = open({ max: 2, checkoutTimeoutMs: 60_000 })
    let running = 0
    const signals: AbortSignal[] = []
    const { port } = await bound(sharding, (req) => {
      running++
      signals.push((req as unknown as { shard: { signal: AbortSignal } }).shard.signal)
      // No answer ever.
    })
    const client = new RawClient(port)
    client.send(
      ...['/a', '/b', '/c'].flatMap((path) => [`GET ${path} HTTP/1.1`, 'host: h', ACME, '', '']).slice(0, -1),
      '',
    )
    await until(() => running === 2 && pool(sharding).waiting === 1)
    client.socket.destroy()
    await until(() => isAtRest(sharding))
    expect(running).toBe(2)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
  })

  it('do not make Node warn of a leak, however many there are', async () => {
    const sharding = open({ max: 1, checkoutTimeoutMs: 60_000 })
    const warnings: Error[] = []
    const warn = (warning: Error) => warnings.push(warning)
    process.on('warning', warn)
    onTestFinished(() => {
      process.off('warning', warn)
    })
    const holder = occupy(sharding)
    await until(() => pool(sharding).active === 1)
    const { port } = await bound(sharding, (_req, res) => res.end('x'))
    const client = new RawClient(port)
    for (let index = 0; index < 30; index++) client.request('GET /', ACME)
    await until(() => pool(sharding).waiting === 30)
    await holder.release()
    await until(() => client.received.split('HTTP/1.1 200').length === 31)
    expect(warnings).toEqual([])
    await until(() => isAtRest(sharding))
  })
})

describe('a handler that never answers', () => {
  it('fault 4: gives its connection back when its client leaves', async () => {
    const sharding = open({ max: 1 })
    const reached = deferred()
    const { port } = await bound(sharding, () => reached.resolve())
    const client = request({ port, headers: { 'x-tenant-id': 'acme' } }).on('error', () => {})
    client.end()
    await reached.promise
    expect(pool(sharding).active).toBe(1)
    client.destroy()
    await until(() => isAtRest(sharding))
  })

  it('gives its connection back when it takes over the socket and closes that', async () => {
    const sharding = open({ max: 1 })
    const { port } = await bound(sharding, (_req, res) => {
      const { socket } = res
      if (socket !== null) res.detachSocket(socket)
      socket?.end('mine')
    })
    const client = new RawClient(port)
    client.request('GET /', ACME)
    await client.receive(/mine/)
    await until(() => isAtRest(sharding))
  })
})

it('an unused connectedTo inside a bound request stays on its connection', async () => {
  const sharding = open({ max: 1 })
  const { port } = await bound(sharding, async (_req, res) => {
    const outside = await backendPid(db)
    const inside = await connectedTo('shard_0', () => backendPid(db))
    res.end(String(outside === inside))
  })
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-tenant-id': 'acme' } })
  await expect(response.text()).resolves.toBe('true')
})
