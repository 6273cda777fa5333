import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { LeaseBlockedError, LeaseRevokedError, ScopeEndedError } from '../../src/errors.ts'
import { Binding, type BindingStore, type ScopeRules } from '../../src/pool/binding.ts'
import type { RawConnection } from '../../src/pool/raw-connection.ts'
import { withRawHandle } from '../../src/pool/raw-handle.ts'
import { deferred } from '../support/deferred.ts'
import { errorOf } from '../support/error-of.ts'
import { CHECKOUT_TIMEOUT_MS, LeaseBench } from '../support/lease-bench.ts'
import { Outcome } from '../support/outcome.ts'
import { settled } from '../support/settled.ts'

/** What the driver of these tests has for a connection. */
interface DriverConnection extends EventEmitter {
  name: string
  query(text: string): Promise<unknown>
}

const store: BindingStore = { current: () => undefined, run: (_binding, fn) => fn() }
const ended = () => new ScopeEndedError('the function has settled')

async function rawBench(rules: Partial<ScopeRules> = {}) {
  const bench = new LeaseBench({ max: 1 })
  const lease = await bench.heldLease()
  const connection = Object.assign(lease.connection as object, EventEmitter.prototype, {
    name: 'connection 1',
    query: (text: string) => bench.server.send(lease, connection as RawConnection, text),
  }) as DriverConnection
  const binding = new Binding(lease, lease.root, {
    shard: 'shard_0',
    tenant: undefined,
    preventWrites: false,
    ended: undefined,
    ...rules,
  } as ScopeRules)
  const use = <T>(fn: (handle: DriverConnection) => Promise<T>) => withRawHandle(binding, store, fn)
  return { bench, server: bench.server, lease, connection, use }
}

test('the handle is the connection while the function runs, and its turn', async () => {
  const { server, lease, use } = await rawBench()
  const result = new Outcome(
    use(async (handle) => {
      expect(handle.name).toBe('connection 1')
      handle.name = 'renamed'
      expect(handle.name).toBe('renamed')
      return await handle.query('raw')
    }),
  )
  server.query(lease, 'outside')
  await settled()
  expect(server.texts).toEqual(['raw'])
  server.at('raw').answer('rows')
  await settled()
  expect(result.value).toBe('rows')
  expect(server.texts).toEqual(['outside'])
})

test.each(['returns', 'throws'])('every use of the handle throws after the function %s', async (way) => {
  const { server, use } = await rawBench()
  let kept!: DriverConnection
  let method!: DriverConnection['query']
  await use(async (handle) => {
    kept = handle
    method = handle.query
    if (way === 'throws') throw new Error('no')
  }).catch(() => {})
  expect(() => kept.query('late')).toThrow(LeaseRevokedError)
  expect(() => method('late')).toThrow(LeaseRevokedError)
  expect(() => kept.name).toThrow(LeaseRevokedError)
  expect(() => {
    kept.name = 'late'
  }).toThrow(LeaseRevokedError)
  expect(server.log).toEqual([])
})

test('L5: a handle is revoked when its lease ends, before anybody else gets the connection', async () => {
  const { bench, server, lease, use } = await rawBench()
  const { promise, resolve } = deferred()
  let kept!: DriverConnection
  const using = use(async (handle) => {
    kept = handle
    await promise
  })
  await settled()
  lease.end(ended)
  const other = await bench.heldLease()
  expect(() => kept.query('late')).toThrow(LeaseRevokedError)
  resolve()
  await using
  expect(other.isHeld).toBe(true)
  expect(server.log).not.toContain('late')
})

test('L5: a handle that lies unused after the response is revoked, and its connection goes on', async () => {
  const { bench, lease, use } = await rawBench()
  let kept!: DriverConnection
  void use(async (handle) => {
    kept = handle
    await new Promise(() => {})
  })
  await settled()
  lease.detach('detach')
  await bench.clock.advance(CHECKOUT_TIMEOUT_MS)
  expect(() => kept.query('late')).toThrow(LeaseRevokedError)
  expect(bench.pool.stats()).toMatchObject({ active: 0, idle: 1 })
})

test('L5: what the handle has on the wire settles before the connection goes back', async () => {
  const { bench, server, lease, use } = await rawBench()
  const using = new Outcome(use((handle) => handle.query('raw')))
  await settled()
  lease.end(ended)
  expect(bench.pool.stats().active).toBe(1)
  server.at('raw').answer('rows')
  await settled()
  expect(using.value).toBe('rows')
  expect(bench.pool.stats()).toMatchObject({ active: 0, idle: 1 })
  expect(server.violations).toEqual([])
})

test('L4: work of the handle counts as use of the connection', async () => {
  const { bench, server, lease, use } = await rawBench()
  void use((handle) => handle.query('raw')).catch(() => {})
  await settled()
  const waiting = server.query(lease, 'outside')
  await bench.clock.advance(5 * CHECKOUT_TIMEOUT_MS)
  expect(waiting.state).toBe('pending')
  server.at('raw').answer()
  await settled()
  server.at('outside').answer()
  await settled()
  expect(waiting.state).toBe('fulfilled')
})

test('L4: whoever waits for an idle handle is told who keeps the connection', async () => {
  const { bench, server, lease, use } = await rawBench()
  void use(() => new Promise(() => {}))
  await settled()
  const waiting = server.query(lease, 'outside')
  await bench.clock.advance(CHECKOUT_TIMEOUT_MS)
  expect(waiting.error).toBeInstanceOf(LeaseBlockedError)
  expect(waiting.error?.message).toContain('withRawConnection()')
})

test('L8: listeners that were added through the handle go with it, others stay', async () => {
  const { connection, use } = await rawBench()
  const heard: string[] = []
  connection.on('notice', () => heard.push('pool'))
  await use(async (handle) => {
    handle.on('notice', () => heard.push('on')).once('notice', () => heard.push('once'))
    handle.prependListener('notice', () => heard.push('first'))
  })
  connection.emit('notice')
  expect(heard).toEqual(['pool'])
})

test('a method that can be chained does not lead around the handle', async () => {
  const { use } = await rawBench()
  let kept!: DriverConnection
  await use(async (handle) => {
    kept = handle.on('notice', () => {})
    expect(kept).toBe(handle)
  })
  expect(() => kept.query('late')).toThrow(LeaseRevokedError)
})

test('S6: in a scope that has ended no handle is lent', async () => {
  const { use } = await rawBench({ ended })
  expect(await errorOf(() => use(async () => {}))).toBeInstanceOf(ScopeEndedError)
})
