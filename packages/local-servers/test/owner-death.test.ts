import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, vi, test as vitestTest } from 'vitest'
import { whyNoMariadb, whyNoRedis } from '../src/index.ts'
import { expectRunning, noTracesSoon, processesIn, type Server } from '../src/traces.ts'

type Kind = 'postgres' | 'mariadb' | 'redis'
type Startable = Kind | 'standby'

function spawnOwner(script: string, kind: Startable, env = process.env): ChildProcess {
  return fork(fileURLToPath(new URL(`fixtures/${script}`, import.meta.url)), [kind], {
    env,
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

async function startOwner(script: string, kind: Startable): Promise<{ owner: ChildProcess; server: Server }> {
  const owner = spawnOwner(script, kind)
  const server = await new Promise<Server>((resolve, reject) => {
    owner.once('message', (message) => resolve(message as Server))
    owner.once('exit', () => reject(new Error('The owner has ended before its server had started.')))
  })
  return { owner, server }
}

const missing: Record<Kind, string | undefined> = {
  postgres: undefined,
  mariadb: whyNoMariadb(),
  redis: whyNoRedis(),
}
const kinds = Object.keys(missing) as Kind[]

describe.each(kinds)('%s', (kind) => {
  // Without such a server on this machine there is nothing to see.
  const test = missing[kind] === undefined ? vitestTest : vitestTest.skip

  test.each(['SIGKILL', 'SIGINT', 'SIGTERM'] as const)(
    'an owner ended by %s leaves no server',
    async (signal) => {
      const { owner, server } = await startOwner('owner.ts', kind)
      expectRunning(server)
      owner.kill(signal)
      await noTracesSoon(server)
    },
  )

  test('an owner killed while its server starts leaves no server', async () => {
    const temporary = await mkdtemp(path.join(tmpdir(), 'owner-death-'))
    await chmod(temporary, 0o755) // As root, the server runs as another user.
    const folders = async () => (await readdir(temporary)).filter((name) => name.startsWith(`sherd-${kind}-`))

    const owner = spawnOwner('owner.ts', kind, { ...process.env, TMPDIR: temporary })
    await vi.waitFor(async () => expect(await folders()).toHaveLength(1), { timeout: 10_000, interval: 5 })
    owner.kill('SIGKILL')
    await vi.waitFor(async () => expect(await folders()).toEqual([]), { timeout: 10_000 })
    expect(processesIn(temporary)).toEqual([])
    await rm(temporary, { recursive: true })
  })

  test('a running server does not keep its owner alive', async () => {
    const { owner, server } = await startOwner('owner-that-ends.ts', kind)
    if (owner.exitCode === null) expect(await once(owner, 'exit')).toEqual([0, null])
    await noTracesSoon(server)
  })
})

vitestTest('an owner that is killed leaves no standby', async () => {
  const { owner, server } = await startOwner('owner.ts', 'standby')
  expectRunning(server)
  owner.kill('SIGKILL')
  await noTracesSoon(server)
})
