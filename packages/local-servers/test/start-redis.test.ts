import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { type RedisServer, startRedis, whyNoRedis } from '../src/index.ts'
import { expectNoTraces, expectRunning } from '../src/traces.ts'

/** Sends commands as a person would, and returns the answers to all but the first: AUTH. */
function ask({ host, port, password }: RedisServer, ...commands: string[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () =>
      socket.end(`${[`AUTH ${password}`, ...commands].join('\r\n')}\r\n`),
    )
    let answer = ''
    socket.setEncoding('utf8').on('data', (text) => {
      answer += text
    })
    socket.once('error', reject)
    socket.once('close', () => resolve(answer.trim().split('\r\n').slice(1)))
  })
}

const missing = whyNoRedis()

describe.skipIf(missing !== undefined)(`Redis${missing === undefined ? '' : ` (${missing})`}`, () => {
  test('a server answers on the loopback interface, and asks for its password', async () => {
    await using server = await startRedis()
    expect(server.url).toBe(`redis://:${server.password}@127.0.0.1:${server.port}`)
    expect(await ask(server, 'PING')).toEqual(['+PONG'])
    const [refused] = await ask({ ...server, password: 'wrong' }, 'PING')
    expect(refused).toMatch(/^-NOAUTH/)
  })

  test('settings reach the server, and a refused one is reported in its words', async () => {
    await using server = await startRedis({ settings: { maxclients: 17 } })
    expect(await ask(server, 'CONFIG GET maxclients')).toContain('17')
    await expect(startRedis({ settings: { 'no-such-option': 1 } })).rejects.toThrow(/no-such-option/)
  })

  test('a killed server recovers by a restart, on its port and with its data', async () => {
    await using server = await startRedis()
    const { pid } = server
    expect(await ask(server, 'SET kept 1')).toEqual(['+OK'])
    await server.kill()
    await expect(ask(server, 'PING')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await server.restart()
    expect(server.pid).not.toBe(pid)
    expect(await ask(server, 'GET kept')).toEqual(['$1', '1'])
  })

  test.each(['fast', 'immediate'] as const)('%s stop leaves no process and no folder', async (mode) => {
    const server = await startRedis()
    expectRunning(server)
    await Promise.all([server.stop({ mode }), server.stop({ mode })])
    expectNoTraces(server)
    await expect(server.restart()).rejects.toThrow(/has been stopped/)
  })

  test('a stop leaves nothing of a suspended server either', async () => {
    const server = await startRedis()
    process.kill(server.pid, 'SIGSTOP')
    await server.stop()
    expectNoTraces(server)
  })
})
