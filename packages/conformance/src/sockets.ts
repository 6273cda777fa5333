import { Agent, get } from 'node:http'
import { connectedToTenant, currentScope, db, setDefaultSharding } from '@sherd/core'
import { forgetDefaultSharding } from '@sherd/core/adapter'
import { createDatabase } from '@sherd/local-servers/test-database'
import { describe, expect, it, onTestFinished } from 'vitest'
import { RawClient } from '../../core/test/adapter/serve.ts'
import { backendPid } from '../../core/test/support/backend-pid.ts'
import type { Handler, StartApp } from './host.ts'
import { atRest, openShard, poolOf, start } from './support/application.ts'

const url = await createDatabase()
const ACME = { scope: 'acme', shard: 'acme' }
const NONE = { scope: null, shard: null }

const show: Handler = (req, res) => {
  res.json({ scope: currentScope()?.tenant ?? null, shard: req.shard?.tenant ?? null })
}

export function describeSockets(name: string, startApp: StartApp): void {
  describe(`a socket in ${name}`, () => {
    it('S9: hands nothing of a scope, refused ones included, to its next request', async () => {
      const sharding = openShard(url)
      const app = await start(startApp, { sharding, routes: (routes) => routes.get('/', show) })
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      onTestFinished(() => agent.destroy())
      const sockets = new Set<unknown>()
      const ask = (tenant?: string) =>
        new Promise<unknown>((resolve, reject) => {
          const headers = tenant === undefined ? {} : { 'x-tenant-id': tenant }
          get({ port: app.port, agent, headers }, async (response) => {
            sockets.add(response.socket.localPort)
            let text = ''
            for await (const chunk of response) text += chunk
            resolve(JSON.parse(text))
          }).on('error', reject)
        })
      await expect(ask('acme')).resolves.toEqual(ACME)
      await expect(ask()).resolves.toEqual(NONE)
      await expect(ask('nobody')).resolves.toMatchObject({ status: 404 })
      await expect(ask()).resolves.toEqual(NONE)
      await expect(ask('globex')).resolves.toEqual({ scope: 'globex', shard: 'globex' })
      await sharding.close()
      await expect(ask('acme')).resolves.toMatchObject({ status: 503 })
      await expect(ask()).resolves.toEqual(NONE)
      expect(sockets.size).toBe(1)
    })

    it('answers pipelined requests in order, each from its own scope, on the one connection of the pool', async () => {
      const sharding = openShard(url, { max: 1, checkoutTimeoutMs: 60_000 })
      const app = await start(startApp, {
        sharding,
        routes: (routes) => {
          routes.get('/:number', async (req, res) => {
            await db.raw('select pg_sleep(0.01)')
            const { number } = req.params as { number: string }
            res.json(`${number} of ${currentScope()?.tenant ?? 'nobody'}`)
          })
          routes.get('/', show)
        },
      })
      const client = new RawClient(app.port)
      const tenants = ['acme', 'globex', 'acme', 'globex']
      const requests = tenants.map(
        (tenant, number) => `GET /${number} HTTP/1.1\r\nhost: localhost\r\nx-tenant-id: ${tenant}\r\n\r\n`,
      )
      client.send(requests.join(''))
      const text = await client.receive(/3 of \w+/)
      expect(text.match(/\d of \w+/g)).toEqual(['0 of acme', '1 of globex', '2 of acme', '3 of globex'])
      await atRest(sharding)
      expect(poolOf(sharding).total).toBe(1)
    })

    it('that leaves with pipelined requests gives back every connection', async () => {
      const sharding = openShard(url, { max: 4 })
      const app = await start(startApp, {
        sharding,
        routes: (routes) => routes.get('/', () => db.raw('select pg_sleep(3600)')),
      })
      const client = new RawClient(app.port)
      client.send('GET / HTTP/1.1\r\nhost: localhost\r\nx-tenant-id: acme\r\n\r\n'.repeat(3))
      await expect.poll(() => poolOf(sharding).active, { timeout: 10_000 }).toBe(3)
      client.socket.destroy()
      await atRest(sharding, 5000)
    })

    it('that a handler has taken over keeps its connection until it closes', async () => {
      const sharding = openShard(url, { max: 1 })
      const app = await start(startApp, {
        sharding,
        routes: (routes) => {
          routes.get('/', async (_req, res) => {
            const bare = res.bare()
            const { socket } = bare
            if (socket === null) throw new Error('no socket')
            bare.detachSocket(socket)
            socket.write(`taken over by ${currentScope()?.tenant} on ${await backendPid(db)}`)
          })
        },
      })
      const client = new RawClient(app.port)
      client.request('GET /', 'x-tenant-id: acme')
      await client.receive(/taken over by acme on \d+/)
      expect(poolOf(sharding).active).toBe(1)
      client.socket.destroy()
      await atRest(sharding)
    })

    it('that goes over to another protocol is in no scope, not even that of the request before it', async () => {
      const sharding = openShard(url, { max: 1 })
      const app = await start(startApp, { sharding, routes: (routes) => routes.get('/', show) })
      app.server.on('upgrade', async (_req, socket) => {
        const around = currentScope()?.tenant ?? 'nobody'
        // What the handshake says is for the application to judge.
        const inside = await connectedToTenant('acme', async () => {
          await db.raw('select 1')
          return currentScope()?.tenant
        }).catch((error) => error.code)
        const after = sharding.connectedToTenant('globex', () => backendPid(db)).then(() => 'released')
        socket.write(`HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n`)
        socket.end(`around ${around}, inside ${inside}, ${await after}.`)
      })
      setDefaultSharding(sharding)
      onTestFinished(() => forgetDefaultSharding(sharding))
      const client = new RawClient(app.port)
      client.request('GET /', 'x-tenant-id: acme')
      await client.receive(/"shard":"acme"}/)
      client.request('GET /', 'x-tenant-id: acme', 'connection: upgrade', 'upgrade: echo')
      await expect(client.receive(/\.$/)).resolves.toMatch(/ 101 .*around nobody, inside acme, released\.$/s)
      client.socket.destroy()
      await atRest(sharding)
    })

    it('carries HEAD and OPTIONS like all others, but OPTIONS is never refused', async () => {
      const sharding = openShard(url, { max: 1 })
      const app = await start(startApp, {
        sharding,
        options: { required: true },
        routes: (routes) => {
          routes.all('/', async (_req, res) => {
            if (currentScope() !== undefined) await db.raw('select 1')
            res.json(currentScope()?.tenant ?? null)
          })
        },
      })
      const head = await app.ask('/', 'acme', { method: 'HEAD' })
      expect([head.status, await head.text()]).toEqual([200, ''])
      await atRest(sharding)
      expect((await app.ask('/', undefined, { method: 'HEAD' })).status).toBe(400)
      await expect(app.json('/', 'acme', { method: 'OPTIONS' })).resolves.toBe('acme')
      for (const tenant of [undefined, 'nobody', 'x'.repeat(300)]) {
        await expect(app.json('/', tenant, { method: 'OPTIONS' })).resolves.toBeNull()
      }
      await atRest(sharding)
    })
  })
}
