import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import {
  connectedTo,
  connectedToTenant,
  createSharding,
  currentScope,
  db,
  setDefaultSharding,
} from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { createNamespace, destroyNamespace, type Namespace } from 'cls-hooked'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { type BridgeOptions, bridgeNamespace } from '../src/index.ts'

const url = await createDatabase()
const sharding = createSharding({
  config: { defaults: { client: 'pg' }, shards: { one: { connection: url, tenants: ['a', 'b'] } } },
})
setDefaultSharding(sharding)
afterAll(() => sharding.close())

let names = 0

/** A namespace of the real cls-hooked, with the bridge. */
function bridged(options?: BridgeOptions): Namespace {
  const name = `test-${names++}`
  const namespace = createNamespace(name)
  onTestFinished(() => destroyNamespace(name))
  bridgeNamespace(namespace, options)
  return namespace
}

const tenantHere = () => currentScope()?.tenant

/** What legacy code does: everything by callbacks, in the one context of its request. */
const inContext = <T>(namespace: Namespace, fn: () => Promise<T>) => namespace.runPromise(fn)

test("the namespace tells the scope's shard, tenant and role", async () => {
  const namespace = bridged()
  const parts = () => ['shard', 'tenant', 'role'].map((key) => namespace.get(key))
  await inContext(namespace, async () => {
    expect(parts()).toEqual([undefined, undefined, undefined])
    await connectedTo({ tenant: 'a', role: 'reading' }, async () => {
      await db.raw('select 1')
      expect(parts()).toEqual(['one', 'a', 'reading'])
    })
    expect(parts()).toEqual([undefined, undefined, undefined])
  })
  // Outside of every context of cls-hooked it knew nothing before.
  await connectedToTenant('a', () => expect(parts()).toEqual(['one', 'a', 'writing']))
})

test('keys are what the application calls them, and others stay its own', async () => {
  const namespace = bridged({ keys: { tenant: 'tenantId' } })
  await inContext(namespace, async () => {
    namespace.set('shard', 'mine')
    namespace.set('user', 'someone')
    await connectedToTenant('a', async () => {
      await db.raw('select 1')
      expect(['tenantId', 'shard', 'user'].map((key) => namespace.get(key))).toEqual(['a', 'mine', 'someone'])
      namespace.set('user', 'somebody else')
    })
    expect(namespace.get('user')).toBe('somebody else')
  })
})

test('a scope for a whole shard hides the tenant that was set outside', async () => {
  const namespace = bridged()
  await inContext(namespace, async () => {
    namespace.set('tenant', 'b')
    expect(namespace.get('tenant')).toBe('b')
    await connectedTo('one', () => expect(namespace.get('tenant')).toBeUndefined())
    expect(namespace.get('tenant')).toBe('b')
  })
})

test('nobody changes the tenant by setting it', async () => {
  const namespace = bridged()
  await inContext(namespace, async () => {
    await connectedToTenant('a', () => {
      expect(namespace.set('tenant', 'a')).toBe('a')
      expect(() => namespace.set('tenant', 'b')).toThrow('connectedTo()')
      expect(() => namespace.set('shard', 'two')).toThrow('connectedTo()')
      expect(namespace.get('tenant')).toBe('a')
    })
  })
})

test('what runs in the namespace keeps the scope in which it was entered', async () => {
  const namespace = bridged()
  await connectedToTenant('a', async () => {
    let seen: unknown
    namespace.run(() => {
      seen = tenantHere()
    })
    const later = await namespace.runPromise(async () => {
      await db.raw('select 1')
      return [tenantHere(), namespace.get('tenant')]
    })
    expect([seen, namespace.runAndReturn(tenantHere), later]).toEqual(['a', 'a', ['a', 'a']])
  })
})

test("the namespace's context is there inside of Sherd's scopes, across queries and their waiting", async () => {
  const namespace = bridged()
  const requests = Array.from({ length: 30 }, (_, n) =>
    inContext(namespace, async () => {
      namespace.set('n', n)
      return await connectedToTenant(n % 2 === 0 ? 'a' : 'b', async () => {
        await Promise.all([db.raw('select 1'), db.transaction(() => db.raw('select 1'))])
        return [namespace.get('n'), namespace.get('tenant'), tenantHere()]
      })
    }),
  )
  expect(await Promise.all(requests)).toEqual(
    requests.map((_, n) => (n % 2 === 0 ? [n, 'a', 'a'] : [n, 'b', 'b'])),
  )
})

test('a bound function runs in the scope in which it was bound, whoever calls it', async () => {
  const namespace = bridged()
  const look = function (this: unknown, ...args: unknown[]) {
    return [this, args, tenantHere(), namespace.get('n')]
  }
  const bound = await inContext(namespace, async () => {
    namespace.set('n', 7)
    return connectedToTenant('a', () => [namespace.bind(look)] as const)
  })
  const self = { look: bound[0] }
  expect(self.look(1, 2)).toEqual([self, [1, 2], 'a', 7])
  await connectedToTenant('b', () => {
    expect(self.look()).toEqual([self, [], 'a', 7])
    expect(tenantHere()).toBe('b')
  })
})

test('a function that was bound outside of scopes runs where it is called', async () => {
  const namespace = bridged()
  const look = namespace.bind(tenantHere)
  expect(look()).toBeUndefined()
  expect(await connectedToTenant('a', () => look())).toBe('a')
})

test('a function that is bound to a context runs in the scope in which that was created', async () => {
  const namespace = bridged()
  const [context] = await connectedToTenant('a', () => [namespace.createContext()])
  await connectedToTenant('b', () => {
    expect(namespace.bind(tenantHere, context)()).toBe('a')
    expect(namespace.bind(tenantHere)()).toBe('b')
  })
  const outside = namespace.createContext()
  expect(await connectedToTenant('a', () => namespace.bind(tenantHere, outside)())).toBe('a')
})

test('a bound emitter calls its listeners in the scopes in which they were added', async () => {
  const namespace = bridged()
  const emitter = new EventEmitter()
  namespace.bindEmitter(emitter)
  // The same function for two tenants: cls-hooked itself would remember the last one's context for both.
  const seen: unknown[] = []
  const listener = () => seen.push(tenantHere())
  await connectedToTenant('a', () => emitter.on('event', listener))
  await connectedToTenant('b', () => emitter.addListener('event', listener))
  emitter.on('event', listener)
  emitter.emit('event')
  await connectedToTenant('a', () => emitter.emit('event'))
  expect(seen).toEqual(['a', 'b', undefined, 'a', 'b', 'a'])
})

test('listeners of a bound emitter are found and removed as ever', async () => {
  const namespace = bridged()
  const emitter = new EventEmitter()
  namespace.bindEmitter(emitter)
  namespace.bindEmitter(emitter)
  const seen: unknown[] = []
  const listener = (value: unknown) => seen.push([value, tenantHere()])
  await connectedToTenant('a', async () => {
    emitter.once('event', listener)
    expect(emitter.listeners('event')).toEqual([listener])
    expect(emitter.listenerCount('event')).toBe(1)
    emitter.off('event', listener)
    expect(emitter.listenerCount('event')).toBe(0)
    emitter.once('event', listener)
    emitter.on('event', listener)
    emitter.removeListener('event', listener)
    expect(emitter.listenerCount('event')).toBe(1)
  })
  for (const value of [1, 2]) emitter.emit('event', value)
  expect(seen).toEqual([[1, 'a']])
  expect(emitter.listenerCount('event')).toBe(0)
  expect(() => emitter.on('event', 'no function' as never)).toThrow(TypeError)
  await connectedToTenant('a', () => {
    expect(() => emitter.once('event', undefined as never)).toThrow(TypeError)
  })
})

test('events.once and streams work on bound emitters', async () => {
  const namespace = bridged()
  const stream = new PassThrough()
  namespace.bindEmitter(stream)
  await connectedToTenant('a', async () => {
    const ended = once(stream, 'end')
    const chunks: unknown[] = []
    stream.on('data', (chunk) => chunks.push([String(chunk), tenantHere()]))
    stream.end('hello')
    await ended
    expect(chunks).toEqual([['hello', 'a']])
  })
})

test('concurrent requests of a legacy application never see each other', async () => {
  const namespace = bridged()
  const server = createServer((req, res) => {
    namespace.bindEmitter(req)
    namespace.bindEmitter(res)
    namespace.run(() => {
      const tenant = req.url?.slice(1) as string
      namespace.set('user', `user of ${tenant}`)
      void connectedToTenant(tenant, async () => {
        await new Promise<void>((resolve) => {
          req.on('end', () => {
            expect(tenantHere()).toBe(tenant)
            resolve()
          })
          req.resume()
        })
        const { rows } = await db.raw('select pg_backend_pid() as pid')
        const callback = namespace.bind(() => {
          res.end(JSON.stringify([tenantHere(), namespace.get('tenant'), namespace.get('user'), rows.length]))
        })
        callbacks.push(callback)
        if (callbacks.length === 20) for (const each of callbacks.splice(0)) each()
      })
    })
  })
  const callbacks: (() => void)[] = []
  onTestFinished(() => {
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const tenants = Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? 'a' : 'b'))
  const answers = await Promise.all(
    tenants.map(async (tenant) => {
      const response = await fetch(`http://127.0.0.1:${port}/${tenant}`, {
        method: 'POST',
        body: 'x'.repeat(1000),
      })
      return response.json()
    }),
  )
  expect(answers).toEqual(tenants.map((tenant) => [tenant, tenant, `user of ${tenant}`, 1]))
})

test('a bridge can be taken down, and is put up once', async () => {
  const namespace = bridged()
  const { get } = namespace
  const takeDown = bridgeNamespace(namespace)
  expect(namespace.get).toBe(get)
  takeDown()
  expect(Object.keys(namespace)).not.toContain('get')
  await connectedToTenant('a', () => expect(namespace.get('tenant')).toBeUndefined())
  bridgeNamespace(namespace)
  await connectedToTenant('a', () => expect(namespace.get('tenant')).toBe('a'))
})

test('a namespace without the bridge is as it was', async () => {
  bridged()
  const name = `test-${names++}`
  const other = createNamespace(name)
  onTestFinished(() => destroyNamespace(name))
  await connectedToTenant('a', () => expect(other.get('tenant')).toBeUndefined())
})
