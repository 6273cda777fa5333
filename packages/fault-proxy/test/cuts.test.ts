import { once } from 'node:events'
import { expect, test, vi } from 'vitest'
import { fromClient, fromServer, statement } from '../src/index.ts'
import { codeOf, connected, proxied, sessions } from './support/clients.ts'

const COMMIT = statement(/^commit$/i)

test.each([
  ['before it', { before: COMMIT }, 0],
  ['after it', { after: COMMIT }, 1],
  ['before its answer', { after: COMMIT, before: fromServer('CommandComplete') }, 1],
  ['before the server is ready', { after: COMMIT, before: fromServer('ReadyForQuery') }, 1],
] as const)('a COMMIT cut %s', async (_when, boundary, written) => {
  const proxy = await proxied()
  const [client, beside] = [await connected(proxy), await connected()]
  await beside.query('drop table if exists rows; create table rows (n int)')
  const cut = proxy.cut(boundary)
  await client.query('begin')
  await client.query('insert into rows values (1)')
  expect(cut.count).toBe(0)
  const lost = once(client, 'error')
  await expect(codeOf(client.query('commit'))).resolves.toMatch(/ECONNRESET|terminated/)
  await cut.happened
  await lost
  // The server has finished with the session: only now it is decided.
  await vi.waitFor(async () => expect(await sessions(beside)).toEqual([]))
  expect((await beside.query('select n from rows')).rowCount).toBe(written)
  expect(cut.count).toBe(1)
  await (await connected(proxy)).query('commit')
})

test('a cut after Parse, before ReadyForQuery lets everything between through', async () => {
  const proxy = await proxied()
  const client = await connected(proxy)
  const answers = proxy.count(({ from, type }) => from === 'server' && type !== 'DataRow')
  const cut = proxy.cut({ after: fromClient('Parse'), before: fromServer('ReadyForQuery') })
  await client.query('select 1')
  expect(cut.count).toBe(0)
  const simple = answers.count
  await codeOf(client.query('select $1::int', [1]))
  // ParseComplete, BindComplete, RowDescription, CommandComplete
  expect(answers.count - simple).toBe(4)
  expect(cut.count).toBe(1)
})

test('a cut that holds keeps both sockets, and goes on where it was', async () => {
  const proxy = await proxied()
  const [client, beside] = [await connected(proxy), await connected()]
  const cut = proxy.cut({ before: statement(/discard all/i) }, { how: 'hold' })
  const answer = client.query('discard all')
  await cut.happened
  expect(proxy.connections.open).toBe(1)
  expect(await sessions(beside)).toHaveLength(1)
  cut.heal()
  expect((await answer).command).toBe('DISCARD')
})

test('a cut happens as often as it is told, or not at all once it is healed', async () => {
  const proxy = await proxied()
  const twice = proxy.cut({ before: statement(/^select 1$/) }, { times: 2 })
  for (const expected of [1, 2]) {
    await codeOf((await connected(proxy)).query('select 1'))
    expect(twice.count).toBe(expected)
  }
  const client = await connected(proxy)
  expect((await client.query('select 1')).rowCount).toBe(1)
  proxy.cut({ before: statement(/^select 2$/) }).heal()
  expect((await client.query('select 2')).rowCount).toBe(1)
})

test('messages are counted, from the start of the count to its end', async () => {
  const proxy = await proxied()
  const client = await connected(proxy)
  const logins = proxy.count(fromClient('StartupMessage'))
  const queries = proxy.count(statement(/./))
  await client.query('select 1')
  await client.query('select $1', [1])
  queries.heal()
  await client.query('select 1')
  expect([queries.count, logins.count]).toEqual([2, 0])
})
