import { createDatabase } from '@sherd/local-servers/test-database'
import pg from 'pg'
import { expect, test } from 'vitest'
import { folder } from './support/folder.ts'
import { run } from './support/run.ts'
import { silentServer } from './support/silent-server.ts'

const url = await createDatabase()
const password = 'geheim'
const dead = `postgres://app:${password}@127.0.0.1:1/app`
const silent = `postgres://app:${password}@127.0.0.1:${await silentServer()}/app`

const config = folder({
  'sharding.yaml': 'defaults: { client: pg, pool: { max: 1 } }',
  'shards/shard_0.yaml': `connection: ${url}`,
  'shards/shard_1.yaml': `connection: ${dead}`,
  'shards/shard_2.yaml': 'client: libsql\nconnection: ":memory:"',
})

test('status is a row for each shard, and a failure where one is dead', async () => {
  const { exitCode, stdout, stderr } = await run(['status', '--config', config])
  expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' })
  expect(withoutFigures(stdout)).toBe(`\
SHARD  STATE  LATENCY  SERVER  CONNECTIONS  ERROR
shard_0  reachable  # ms  PostgreSQL #  # of #
shard_1  unreachable  –  –  –  connect ECONNREFUSED 127.0.0.1:1
shard_2  reachable  # ms  SQLite #  –
`)
})

test('status --json has the same as numbers', async () => {
  const { exitCode, stdout } = await run(['status', '--config', config, '--json'])
  const [version, max] = await ask(
    "select current_setting('server_version'), current_setting('max_connections')",
  )
  expect({ exitCode, document: JSON.parse(stdout) }).toEqual({
    exitCode: 1,
    document: {
      shards: [
        {
          shard: 'shard_0',
          reachable: true,
          server: `PostgreSQL ${version}`,
          latencyMs: expect.any(Number),
          connections: { used: expect.any(Number), allowed: Number(max) },
          migrations: null,
          replicas: null,
        },
        {
          shard: 'shard_1',
          reachable: false,
          error: { code: 'ECONNREFUSED', message: 'connect ECONNREFUSED 127.0.0.1:1' },
          replicas: null,
        },
        {
          shard: 'shard_2',
          reachable: true,
          server: expect.stringMatching(/^SQLite \d/),
          latencyMs: expect.any(Number),
          connections: null,
          migrations: null,
          replicas: null,
        },
      ],
    },
  })
})

test('status is all well when every shard answers, and leaves no session behind', async () => {
  const healthy = folder({ 'shards/only.yaml': `client: pg\nconnection: ${url}` })
  const { exitCode, stdout } = await run(['status', '--config', healthy])
  expect({ exitCode, stdout: withoutFigures(stdout) }).toEqual({
    exitCode: 0,
    stdout: 'SHARD  STATE  LATENCY  SERVER  CONNECTIONS\nonly  reachable  # ms  PostgreSQL #  # of #\n',
  })
  const [sessions] = await ask('select count(*) from pg_stat_activity where datname = current_database()')
  // The one that asks.
  expect(sessions).toBe('1')
})

test('status takes no longer than it may, whatever hangs', async () => {
  const hanging = folder({
    'shards/shard_0.yaml': `client: pg\nconnection: ${url}`,
    'shards/shard_1.yaml': `client: pg\nconnection: ${silent}\npool: { connectTimeoutMs: 60000, checkoutTimeoutMs: 60000 }`,
  })
  const startedAt = performance.now()
  const { exitCode, stdout } = await run(['status', '--config', hanging, '--timeout', '700'])
  expect(performance.now() - startedAt).toBeLessThan(7000)
  expect(exitCode).toBe(1)
  expect(stdout).toContain('no answer within 700 ms')
  expect(stdout).toMatch(/^shard_0 +reachable/m)
})

test('a replica that does not answer is a failure, too', async () => {
  const replicated = folder({
    'sharding.yaml': 'shared: { client: libsql, connection: ":memory:" }',
    'shards/shard_0.yaml': `client: pg\nconnection: ${url}\nreplicas: [{ connection: "${url}" }, { connection: "${dead}" }]`,
  })
  const { exitCode, stdout } = await run(['status', '--config', replicated])
  expect(exitCode).toBe(1)
  expect(withoutFigures(stdout)).toBe(`\
SHARD  STATE  LATENCY  SERVER  CONNECTIONS  REPLICAS
shard_0  reachable  # ms  PostgreSQL #  # of #  # of # unreachable
shared  reachable  # ms  SQLite #  –  –
`)
  const { shards } = JSON.parse((await run(['status', '--config', replicated, '--json'])).stdout)
  expect(shards[0].replicas).toEqual({ total: 2, unreachable: ['shard_0/replica-1'] })
})

test('no password is shown', async () => {
  for (const options of [[], ['--json']]) {
    const { stdout, stderr } = await run(['status', '--config', config, ...options])
    expect(stdout + stderr).not.toContain(password)
  }
})

/** The table with two spaces between columns, and `#` for what differs from run to run. */
function withoutFigures(text: string): string {
  return text
    .replace(/\d[\d.]*(?= (?:ms|of))|(?<=of )\d+|(?<=(?:SQL|SQLite) )\d[\w.]*/g, '#')
    .replace(/ {3,}/g, '  ')
}

async function ask(sql: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query<string[]>({ text: sql, rowMode: 'array' })
  await client.end()
  return rows[0] ?? []
}
