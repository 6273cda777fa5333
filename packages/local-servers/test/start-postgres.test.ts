import pg from 'pg'
import { expect, test } from 'vitest'
import { startPostgres } from '../src/index.ts'
import { expectNoTraces, expectRunning } from '../src/traces.ts'

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {}) // A server that ends tells its idle connections so.
  await client.connect()
  try {
    return (await client.query({ text, rowMode: 'array' })).rows.flat()
  } finally {
    await client.end()
  }
}

test('a server answers on the loopback interface', async () => {
  await using server = await startPostgres()
  expect(server.host).toBe('127.0.0.1')
  expect(await query(server.url, 'select version()')).toEqual([expect.stringMatching(/^PostgreSQL 18/)])
})

test('its password is asked for', async () => {
  await using server = await startPostgres()
  const wrong = server.url.replace(server.password, 'wrong')
  await expect(query(wrong, 'select 1')).rejects.toMatchObject({ code: '28P01' })
})

test('settings reach the server', async () => {
  await using server = await startPostgres({ maxConnections: 17, settings: { application_name: "it's" } })
  expect(await query(server.url, 'show max_connections')).toEqual(['17'])
  expect(await query(server.url, 'show application_name')).toEqual(["it's"])
  expect(server.settings['max_connections']).toBe('17')
})

test('a refused setting is reported in the words of the server, and nothing is left', async () => {
  await expect(startPostgres({ settings: { max_connections: 'many' } })).rejects.toThrow(
    /invalid value for parameter "max_connections"/,
  )
})

test('databases are created and dropped, also while in use', async () => {
  await using server = await startPostgres()
  const url = await server.createDatabase('it "quotes"')
  expect(await query(url, 'select current_database()')).toEqual(['it "quotes"'])
  expect(await server.createDatabase()).not.toBe(await server.createDatabase())

  const connected = new pg.Client({ connectionString: url })
  const closed = new Promise((resolve) => connected.on('error', resolve))
  await connected.connect()
  await server.dropDatabase('it "quotes"')
  await closed
  await expect(query(url, 'select 1')).rejects.toMatchObject({ code: '3D000' })
})

test('a restart keeps the port and the data', async () => {
  await using server = await startPostgres()
  const { pid, url } = server
  await query(url, 'create table kept as select 1 as n')
  await server.restart({ mode: 'immediate' })
  expect(server.pid).not.toBe(pid)
  expect(await query(url, 'select n from kept')).toEqual([1])
})

test.each(['fast', 'immediate'] as const)(
  'a server halted %s refuses, and goes on by a restart',
  async (mode) => {
    await using server = await startPostgres()
    const { port } = server
    await query(server.url, 'create table kept as select 1 as n')
    await server.halt({ mode })
    await expect(query(server.url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await server.restart()
    expect(server.port).toBe(port)
    expect(await query(server.url, 'select n from kept')).toEqual([1])
  },
)

test('a killed server refuses, and recovers by a restart', async () => {
  await using server = await startPostgres()
  await query(server.url, 'create table kept as select 1 as n')
  await server.kill()
  await expect(query(server.url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await server.restart()
  expect(await query(server.url, 'select n from kept')).toEqual([1])
})

test.each(['fast', 'immediate'] as const)('%s stop leaves no process and no folder', async (mode) => {
  const server = await startPostgres()
  expectRunning(server)
  await Promise.all([server.stop({ mode }), server.stop({ mode })])
  expectNoTraces(server)
  await expect(server.restart()).rejects.toThrow(/has been stopped/)
})

test('a stop leaves nothing of a killed or a suspended server either', async () => {
  const [killed, suspended] = await Promise.all([startPostgres(), startPostgres()])
  await killed.kill()
  process.kill(suspended.pid, 'SIGSTOP')
  await Promise.all([killed.stop(), suspended.stop()])
  expectNoTraces(killed)
  expectNoTraces(suspended)
})

test('several servers live side by side', async () => {
  const servers = await Promise.all([startPostgres(), startPostgres(), startPostgres()])
  expect(new Set(servers.map(({ port }) => port)).size).toBe(3)
  await Promise.all(servers.map((server) => server.stop()))
})
