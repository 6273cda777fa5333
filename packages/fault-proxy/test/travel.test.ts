import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test, vi } from 'vitest'
import { codeOf, connected, proxied, sessions } from './support/clients.ts'

const timed = async (run: () => Promise<unknown>) => {
  const start = performance.now()
  await run()
  return performance.now() - start
}

test('what nothing is done to passes as it is', async () => {
  const client = await connected(await proxied())
  const text = 'größer '.repeat(200_000)
  const { rows } = await client.query('select $1::text as text, $2::int as number', [text, 7])
  expect(rows).toEqual([{ text, number: 7 }])
  await expect(codeOf(client.query('select 1/0'))).resolves.toBe('22012')
})

/** Node calls timers up to a millisecond early. */
const EARLY_MS = 5

test('bytes are late, each way by itself', async () => {
  const proxy = await proxied()
  const client = await connected(proxy)
  const query = () => client.query('select 1')
  for (const shape of [{ toServerMs: 80 }, { toClientMs: 80 }]) {
    using _late = proxy.shape(shape)
    expect(await timed(query)).toBeGreaterThan(80 - EARLY_MS)
  }
  const both = proxy.shape({ toServerMs: 80, toClientMs: 80 })
  expect(await timed(query)).toBeGreaterThan(160 - EARLY_MS)
  both.heal()
  expect(await timed(query)).toBeLessThan(80 - EARLY_MS)
})

test('what comes while something else is on its way is not later than that', async () => {
  const proxy = await proxied()
  const client = await connected(proxy)
  using _late = proxy.shape({ toClientMs: 100 })
  const notices =
    'do $$ begin for i in 1..8 loop perform pg_sleep(0.02); raise notice $q$%$q$, i; end loop; end $$'
  expect(await timed(() => client.query(notices))).toBeLessThan(600)
})

test('bandwidth is bounded', async () => {
  const proxy = await proxied()
  const client = await connected(proxy)
  using _slow = proxy.shape({ bytesPerSecond: 1_000_000 })
  expect(await timed(() => client.query("select repeat('x', 200000)"))).toBeGreaterThan(190)
})

test('bytes arrive one by one', async () => {
  const proxy = await proxied()
  using _sliced = proxy.shape({ sliceBytes: 1 })
  const client = await connected(proxy)
  const { rows } = await client.query('select $1::text as text', ['sliced'])
  expect(rows).toEqual([{ text: 'sliced' }])
})

test('the end of a connection is told late', async () => {
  const proxy = await proxied()
  const [client, beside] = [await connected(proxy), await connected()]
  using _slow = proxy.shape({ closeMs: 150 })
  const start = performance.now()
  client.connection.stream.destroy()
  await vi.waitFor(() => expect(proxy.connections.open).toBe(0))
  await vi.waitFor(async () => expect(await sessions(beside)).toEqual([]), { interval: 5 })
  expect(performance.now() - start).toBeGreaterThan(149)
})

test('a client that does not read is felt by the server, and fills no memory here', async () => {
  const proxy = await proxied()
  const [client, beside] = [await connected(proxy), await connected()]
  client.connection.stream.pause()
  const before = process.memoryUsage().rss
  const result = client.query("select repeat('x', 1000000) from generate_series(1, 100)")
  await vi.waitFor(
    async () => expect((await sessions(beside)).map(({ wait_event }) => wait_event)).toEqual(['ClientWrite']),
    { timeout: 5000 },
  )
  expect(process.memoryUsage().rss - before).toBeLessThan(50_000_000)
  client.connection.stream.resume()
  expect((await result).rows).toHaveLength(100)
})

test('a connection of which nothing is known is passed on, too', async () => {
  const proxy = await proxied()
  const socket = connect(proxy.port, '127.0.0.1')
  await once(socket, 'connect')
  expect(proxy.connections).toEqual({ open: 1, opened: 1 })
  socket.end('neither')
  await once(socket.resume(), 'close')
  await vi.waitFor(() => expect(proxy.connections).toEqual({ open: 0, opened: 1 }))
})

test('encryption is asked for, and the answer comes', async () => {
  const proxy = await proxied()
  await expect(codeOf(connected(proxy, { ssl: true }))).resolves.toMatch(/does not support SSL/)
})
