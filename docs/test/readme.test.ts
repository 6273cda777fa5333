import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { createDatabase } from '@sherd/local-servers/test-database'
import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { codeBlocks, ROOT, readPage } from './support/markdown.ts'

const blocks = codeBlocks(readPage('README.md'))
const shard0 = await createDatabase()
const shard1 = await createDatabase()
// Inside the package, so that imports find what is installed here.
const folder = mkdtempSync(join(ROOT, 'docs', '.readme-'))
const port = await freePort()
const env = { ...process.env, SHARD_0_DATABASE_URL: shard0, SHARD_1_DATABASE_URL: shard1 }
let app: ChildProcess

beforeAll(async () => {
  await fill(shard0, 'Portable hole')
  await fill(shard1, 'TPS reports')
  for (const { file, code } of blocks) {
    if (file === undefined) continue
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), code.replace('listen(3000)', `listen(${port}, 'localhost')`))
  }
  app = run('app.ts')
  await listening()
})

afterAll(async () => {
  app.kill()
  await once(app, 'exit')
  rmSync(folder, { recursive: true })
})

const session = blocks.find(({ language }) => language === 'console')?.code ?? ''
const requests = Array.from(
  session.matchAll(/^\$ (curl -H '([\w-]+): (\w+)' localhost:3000(\S+))\n(.*)$/gm),
  ([, command = '', header = '', tenant = '', path = '', answer = '']) => ({
    command,
    header,
    tenant,
    path,
    answer,
  }),
)

test('the requests of README.md are what this test makes', () => {
  expect(requests.length).toBe(session.match(/^\$/gm)?.length)
})

test.each(requests)('$command', async ({ header, tenant, path, answer }) => {
  const response = await fetch(`http://localhost:${port}${path}`, { headers: { [header]: tenant } })
  expect(await response.text()).toBe(answer)
})

test('the job of README.md runs', async () => {
  const job = run('job.ts')
  let output = ''
  job.stdout?.on('data', (chunk) => {
    output += chunk
  })
  // It does not close its pools, and ends by itself all the same.
  const [exitCode] = await once(job, 'exit')
  expect({ exitCode, output }).toEqual({ exitCode: 0, output: "[ 'Portable hole' ]\n" })
})

function run(file: string): ChildProcess {
  const tsx = join(ROOT, 'node_modules', 'tsx', 'dist', 'cli.mjs')
  return spawn(process.execPath, [tsx, file], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] })
}

async function listening(): Promise<void> {
  await vi.waitFor(() => fetch(`http://localhost:${port}/`), { timeout: 15_000 })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function fill(connectionString: string, project: string): Promise<void> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  await client.query('create table projects (name text)')
  await client.query('insert into projects values ($1)', [project])
  await client.end()
}
