import { type EventEmitter, once } from 'node:events'
import pg from 'pg'
import { expect, test, vi } from 'vitest'
import { fromServer, startProxy, statement } from '../src/index.ts'
import { codeOf, connected, proxied, sessions, url } from './support/clients.ts'

/** Whether a promise settles although much else does. */
const settlesWithin = (ms: number, promise: Promise<unknown>) =>
  Promise.race([promise.then(() => true), new Promise((resolve) => setTimeout(resolve, ms, false))])

test('a black hole swallows what is open, keeps its sockets, and gives all back', async () => {
  const proxy = await proxied()
  const client = await connected(proxy)
  const hole = proxy.blackHole({ connections: 'open' })
  const answer = client.query('select 1 as one')
  expect(await settlesWithin(50, answer)).toBe(false)
  const other = await connected(proxy)
  expect((await other.query('select 2 as two')).rows).toEqual([{ two: 2 }])
  expect(proxy.connections.open).toBe(2)
  hole.heal()
  expect((await answer).rows).toEqual([{ one: 1 }])
})

test('a black hole in one direction lets the server do what it is told', async () => {
  const proxy = await proxied()
  const [client, beside] = [await connected(proxy), await connected()]
  await beside.query('create table told (n int)')
  using hole = proxy.blackHole({ directions: ['toClient'] })
  const answer = client.query('insert into told values (1)')
  await vi.waitFor(async () => expect((await beside.query('select * from told')).rowCount).toBe(1))
  expect(await settlesWithin(20, answer)).toBe(false)
  hole.heal()
  expect((await answer).rowCount).toBe(1)
})

test('a black hole for what is new accepts and says nothing', async () => {
  const proxy = await proxied()
  const client = await connected(proxy)
  const hole = proxy.blackHole({ connections: 'new' })
  const late = connected(proxy)
  expect(await settlesWithin(50, late)).toBe(false)
  expect((await client.query('select 1')).rowCount).toBe(1)
  expect(proxy.connections).toEqual({ open: 2, opened: 2 })
  hole.heal()
  expect((await (await late).query('select 1')).rowCount).toBe(1)
})

test('whoever gives up on a black hole is counted as gone; the server learns it once it is healed', async () => {
  const proxy = await proxied()
  const [client, beside] = [await connected(proxy), await connected()]
  const hole = proxy.blackHole()
  client.connection.stream.destroy()
  await vi.waitFor(() => expect(proxy.connections.open).toBe(0))
  expect(await sessions(beside)).toHaveLength(1)
  hole.heal()
  await vi.waitFor(async () => expect(await sessions(beside)).toEqual([]))
})

test('a refusal is one, for new connections alone', async () => {
  const proxy = await proxied()
  const client = await connected(proxy)
  const refusal = proxy.refuse()
  await expect(codeOf(connected(proxy))).resolves.toBe('ECONNREFUSED')
  expect((await client.query('select 1')).rowCount).toBe(1)
  await refusal.heal()
  await connected(proxy)
})

test('a reset is one on both sides', async () => {
  const proxy = await proxied()
  const [client, beside] = [await connected(proxy), await connected()]
  const gone = once(client, 'error')
  expect(proxy.reset()).toBe(1)
  expect((await gone)[0]).toMatchObject({ code: 'ECONNRESET' })
  await vi.waitFor(async () => expect(await sessions(beside)).toEqual([]))
  expect(proxy.connections.open).toBe(0)
})

test('requests to cancel pass, and are connections of their own', async () => {
  const proxy = await proxied()
  const client = await connected(proxy)
  const beside = await connected()
  const { port } = proxy
  const running = codeOf(client.query('select pg_sleep(60)'))
  await vi.waitFor(async () => expect((await sessions(beside))[0]?.wait_event).toBe('PgSleep'))
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number }
  const wire = new pg.Connection() as unknown as EventEmitter & {
    connect(port: number, host: string): void
    cancel(processID: number, secretKey: number): void
  }
  wire.on('connect', () => wire.cancel(processID, secretKey)).on('error', () => {})
  wire.connect(port, '127.0.0.1')
  await expect(running).resolves.toBe('57014')
  expect(proxy.connections.opened).toBe(2)
})

test('a server that is not there hangs up', async () => {
  const gone = await proxied()
  await gone.close()
  await using proxy = await startProxy({ to: gone.url })
  await expect(codeOf(connected(proxy))).resolves.toBe('ECONNRESET')
  await vi.waitFor(() => expect(proxy.connections).toEqual({ open: 0, opened: 1 }))
})

test('a closed proxy leaves no socket behind, not even of a client that left while its answer was held', async () => {
  const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
  const before = sockets()
  const proxy = await startProxy({ to: url })
  const client = await connected(proxy)
  const cut = proxy.cut(
    { after: statement(/select 1/), before: fromServer('CommandComplete') },
    { how: 'hold' },
  )
  const answer = codeOf(client.query('select 1'))
  await cut.happened
  client.connection.stream.destroy()
  await answer
  await vi.waitFor(() => expect(proxy.connections.open).toBe(0))
  cut.heal()
  await proxy.close()
  await vi.waitFor(() => expect(sockets()).toBe(before))
})
