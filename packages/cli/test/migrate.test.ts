import { EventEmitter } from 'node:events'
import { isLong } from '@sherd/local-servers/test-scale'
import pg from 'pg'
import { beforeAll, describe, expect, test } from 'vitest'
import { createDatabases, rowsOf } from './support/databases.ts'
import { folder } from './support/folder.ts'
import { SherdProcess } from './support/process.ts'
import { run } from './support/run.ts'

const COUNT = 50
const FAILING = 17
/** The process is what takes its time. */
const KILLED_COUNT = isLong ? COUNT : 12

const migrations = folder({
  '1_projects.cjs': change('create table projects (name text)', 'drop table projects'),
  '2_tasks.cjs': change('create table tasks (name text)', 'drop table tasks'),
})
const blocked = folder({
  '1_projects.cjs': change(
    'create table projects as select pg_advisory_xact_lock(42)::text as name',
    'drop table projects',
  ),
})

describe(`sherd migrate latest over ${COUNT} databases`, () => {
  let urls: readonly string[]
  let config: string
  beforeAll(async () => {
    urls = await createDatabases(COUNT)
    config = configOf(urls)
  })
  const migrate = (...options: string[]) =>
    run(['migrate', 'latest', '--config', config, '--directory', migrations, ...options])

  test('of which one fails: the others are done, and the table names it with its error', async () => {
    await rowsOf(urls[FAILING] as string, 'create table tasks (name text)')
    const { exitCode, stdout, stderr } = await migrate('--continue', '--concurrency', '10')
    expect(exitCode).toBe(1)
    const rows = urls.map((_, index) =>
      index === FAILING
        ? `shard_${index}  failed  0  –  # ms  2_tasks.cjs: relation "tasks" already exists`
        : `shard_${index}  migrated  2  1  # ms`,
    )
    expect(withoutFigures(stdout)).toBe(
      ['SHARD  RESULT  MIGRATIONS  BATCH  TIME  ERROR', ...rows, '', '49 migrated, 1 failed', ''].join('\n'),
    )
    expect(stderr).toContain('shard_17: 2_tasks.cjs\n')
    expect(stderr).toMatch(/^\[50\/50\] shard_\d+: /m)
    expect(await migratedCount(urls)).toBe(COUNT - 1)
  })

  test('and run again, mended: that one is finished', async () => {
    await rowsOf(urls[FAILING] as string, 'drop table tasks')
    const { exitCode, stdout } = await migrate('--json')
    const { ok, counts, shards } = JSON.parse(stdout)
    expect({ exitCode, ok, counts }).toEqual({
      exitCode: 0,
      ok: true,
      counts: { migrated: 1, unchanged: 49, failed: 0, skipped: 0 },
    })
    expect(shards[`shard_${FAILING}`]).toMatchObject({
      status: 'migrated',
      migrations: ['1_projects.cjs', '2_tasks.cjs'],
    })
    expect(await migratedCount(urls)).toBe(COUNT)
  })
})

test(`killed in the middle of ${KILLED_COUNT} databases, a second run finishes them`, async () => {
  const urls = await createDatabases(KILLED_COUNT)
  const argv = ['migrate', 'latest', '--config', configOf(urls), '--directory', blocked]
  const doneCount = KILLED_COUNT / 2
  const unblock = await block(urls[doneCount] as string)
  const killed = new SherdProcess([...argv, '--concurrency', '1'])
  await killed.says(new RegExp(`^shard_${doneCount}: 1_projects`, 'm'))
  killed.kill('SIGKILL')
  expect(await killed.ended()).toEqual({ exitCode: null, signal: 'SIGKILL' })
  expect(await migratedCount(urls, '1_projects.cjs')).toBe(doneCount)
  await unblock()

  const { exitCode, stdout } = await run([...argv, '--concurrency', '10'])
  expect(exitCode).toBe(0)
  expect(stdout).toContain(`${KILLED_COUNT - doneCount} migrated, ${doneCount} unchanged\n`)
  expect(await migratedCount(urls, '1_projects.cjs')).toBe(KILLED_COUNT)
})

describe('two shards', () => {
  let urls: readonly string[]
  let argv: readonly string[]
  beforeAll(async () => {
    urls = await createDatabases(2)
    argv = ['--config', configOf(urls), '--directory', migrations]
  })
  const sherd = async (...words: string[]) => {
    const { exitCode, stdout, stderr } = await run([...words, ...argv])
    return { exitCode, stdout: withoutFigures(stdout), stderr: withoutFigures(stderr) }
  }

  test('migrate status says what is pending, and changes nothing', async () => {
    expect(await sherd('migrate', 'status')).toEqual({
      exitCode: 1,
      stdout: `\
SHARD  STATE  COMPLETED  PENDING  BATCH  NOTE
shard_0  pending  0  2  –  next: 1_projects.cjs
shard_1  pending  0  2  –  next: 1_projects.cjs
`,
      stderr: '',
    })
    expect(
      await rowsOf(urls[0] as string, 'select tablename from pg_tables where schemaname = current_schema'),
    ).toEqual([])
  })

  test('migrate latest tells what it does while it does it, and then what came of it', async () => {
    expect(await sherd('migrate', 'latest', '--shard', 'shard_1', '--no-canary')).toEqual({
      exitCode: 0,
      stdout: `\
SHARD  RESULT  MIGRATIONS  BATCH  TIME
shard_1  migrated  2  1  # ms

1 migrated
`,
      stderr: `\
shard_1: 1_projects.cjs
shard_1: 2_tasks.cjs
[1/1] shard_1: 2 migrations, # ms
`,
    })
  })

  test('status has the migrations of every shard', async () => {
    const { exitCode, stdout } = await sherd('status')
    expect(exitCode).toBe(0)
    expect(stdout.replace(/PostgreSQL \S+ +\d+ of \d+/g, '…')).toBe(`\
SHARD  STATE  LATENCY  SERVER  CONNECTIONS  MIGRATIONS
shard_0  reachable  # ms  …  2 pending
shard_1  reachable  # ms  …  current
`)
  })

  test('migrate rollback undoes the last batch, and says where there was none', async () => {
    const { exitCode, stdout } = await sherd('migrate', 'rollback')
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: `\
SHARD  RESULT  MIGRATIONS  BATCH  TIME
shard_0  unchanged  0  –  # ms
shard_1  migrated  2  1  # ms

1 migrated, 1 unchanged
`,
    })
    expect(await rowsOf(urls[1] as string, "select to_regclass('projects')")).toEqual([[null]])
  })
})

test('a failure is told as a document, too, without the statement and the secrets in it', async () => {
  const faulty = folder({
    '1_role.cjs': change(`do $$ begin raise exception 'no role today'; end $$; select 'geheim'`, 'select 1'),
  })
  const config = configOf(await createDatabases(2))
  const { exitCode, stdout, stderr } = await run([
    'migrate',
    'latest',
    '--json',
    '--config',
    config,
    '--directory',
    faulty,
  ])
  expect({ exitCode, document: JSON.parse(stdout) }).toEqual({
    exitCode: 1,
    document: {
      ok: false,
      counts: { migrated: 0, unchanged: 0, failed: 1, skipped: 1 },
      shards: {
        shard_0: {
          status: 'failed',
          migrations: [],
          batch: null,
          durationMs: expect.any(Number),
          error: { code: 'P0001', message: 'no role today' },
          migration: '1_role.cjs',
        },
        shard_1: { status: 'skipped', reason: 'canary', migrations: [], batch: null, durationMs: 0 },
      },
    },
  })
  expect(withoutFigures(stderr)).toBe(`\
shard_0: 1_role.cjs
[1/2] shard_0: failed, # ms: no role today
[2/2] shard_1: skipped
`)
})

describe('interrupted', () => {
  let urls: readonly string[]
  let argv: readonly string[]
  beforeAll(async () => {
    urls = await createDatabases(3)
    argv = [
      'migrate',
      'latest',
      '--config',
      configOf(urls),
      '--directory',
      blocked,
      '--no-canary',
      '--concurrency',
      '1',
    ]
  })

  test('once, what runs is finished and no further shard begins', async () => {
    const signals = new EventEmitter()
    const unblock = await block(urls[0] as string)
    let asked: Promise<void> | undefined
    const { exitCode, stdout, stderr } = await run(argv, {
      signals,
      onStderr(text) {
        if (text !== 'shard_0: 1_projects.cjs\n') return
        signals.emit('SIGINT')
        asked = unblock()
      },
    })
    await asked
    expect({ exitCode, stdout: withoutFigures(stdout) }).toEqual({
      exitCode: 1,
      stdout: `\
SHARD  RESULT  MIGRATIONS  BATCH  TIME  ERROR
shard_0  migrated  1  1  # ms
shard_1  skipped  0  –  # ms  interrupted
shard_2  skipped  0  –  # ms  interrupted

1 migrated, 2 skipped
`,
    })
    expect(stderr).toContain('Interrupted: no further shard begins')
    expect(signals.eventNames()).toEqual([])
  })

  test('twice, it ends at once, and the next run goes on', async () => {
    const unblock = await block(urls[1] as string)
    const sherd = new SherdProcess(argv)
    await sherd.says(/^shard_1: 1_projects/m)
    sherd.kill('SIGINT')
    await sherd.says(/^Interrupted/m)
    sherd.kill('SIGINT')
    expect(await sherd.ended()).toEqual({ exitCode: null, signal: 'SIGINT' })
    expect(sherd.stdout).toBe('')
    await unblock()
    const { exitCode, stdout } = await run(argv)
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: expect.stringContaining('2 migrated, 1 unchanged'),
    })
  })
})

/** Has the migrations of `blocked` wait in this database, until what is returned is called. */
async function block(url: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('select pg_advisory_lock(42)')
  return () => client.end()
}

function change(up: string, down: string): string {
  return `exports.up = (knex) => knex.raw(${JSON.stringify(up)})\nexports.down = (knex) => knex.raw(${JSON.stringify(down)})\n`
}

function configOf(urls: readonly string[]): string {
  const shards = urls.map((url, index) => [`shards/shard_${index}.yaml`, `connection: ${url}`])
  return folder({ 'sharding.yaml': 'defaults: { client: pg }', ...Object.fromEntries(shards) })
}

/** Of how many databases both knex's table and the tables themselves say that everything has run, once. */
async function migratedCount(urls: readonly string[], names = '1_projects.cjs,2_tasks.cjs'): Promise<number> {
  const found = await Promise.all(
    urls.map(async (url) => {
      try {
        const [row] = await rowsOf(
          url,
          "select string_agg(name, ',' order by id), to_regclass('projects') from knex_migrations",
        )
        return row?.join()
      } catch (error) {
        if ((error as { code?: string }).code === '42P01') return 'nothing has run'
        throw error
      }
    }),
  )
  return found.filter((state) => state === `${names},projects`).length
}

function withoutFigures(text: string): string {
  return text.replace(/[\d.]+ (?:ms|s)\b/g, '# ms').replace(/ {3,}/g, '  ')
}
