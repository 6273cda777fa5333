import mysql from 'mysql2/promise'
import { describe, expect, test } from 'vitest'
import { startMariadb, whyNoMariadb } from '../src/index.ts'
import { expectNoTraces, expectRunning } from '../src/traces.ts'

async function query(url: string, text: string): Promise<unknown[]> {
  const connection = await mysql.createConnection({ uri: url, rowsAsArray: true })
  try {
    const [rows] = await connection.query(text)
    return Array.isArray(rows) ? rows.flat() : []
  } finally {
    await connection.end()
  }
}

const missing = whyNoMariadb()

describe.skipIf(missing !== undefined)(`MariaDB${missing === undefined ? '' : ` (${missing})`}`, () => {
  test('a server answers on the loopback interface, and asks for its password', async () => {
    await using server = await startMariadb()
    expect(server.host).toBe('127.0.0.1')
    expect(await query(server.url, 'select version()')).toEqual([expect.stringContaining('MariaDB')])
    const wrong = server.url.replace(server.password, 'wrong')
    await expect(query(wrong, 'select 1')).rejects.toMatchObject({ code: 'ER_ACCESS_DENIED_ERROR' })
  })

  test('settings reach the server, and a refused one is reported in its words', async () => {
    await using server = await startMariadb({ maxConnections: 17, settings: { lock_wait_timeout: 3 } })
    expect(await query(server.url, 'select @@max_connections, @@lock_wait_timeout')).toEqual([17, 3])
    await expect(startMariadb({ settings: { no_such_option: 1 } })).rejects.toThrow(/no-such-option/)
  })

  test('databases are created and dropped', async () => {
    await using server = await startMariadb()
    const url = await server.createDatabase('it `quotes`')
    expect(await query(url, 'select database()')).toEqual(['it `quotes`'])
    await server.dropDatabase('it `quotes`')
    await expect(query(url, 'select 1')).rejects.toMatchObject({ code: 'ER_BAD_DB_ERROR' })
  })

  test('a killed server recovers by a restart, on its port and with its data', async () => {
    await using server = await startMariadb()
    const { pid } = server
    const url = await server.createDatabase()
    await query(url, 'create table kept as select 1 as n')
    await server.kill()
    await expect(query(url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await server.restart()
    expect(server.pid).not.toBe(pid)
    expect(await query(url, 'select n from kept')).toEqual([1])
  })

  test.each(['fast', 'immediate'] as const)('%s stop leaves no process and no folder', async (mode) => {
    const server = await startMariadb()
    expectRunning(server)
    await Promise.all([server.stop({ mode }), server.stop({ mode })])
    expectNoTraces(server)
    await expect(server.restart()).rejects.toThrow(/has been stopped/)
  })

  test('a stop leaves nothing of a suspended server either', async () => {
    const server = await startMariadb()
    process.kill(server.pid, 'SIGSTOP')
    await server.stop()
    expectNoTraces(server)
  })
})
