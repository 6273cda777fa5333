import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDatabase } from '@sherd/local-servers/test-database'
import { isLong } from '@sherd/local-servers/test-scale'
import { expect, onTestFinished, test } from 'vitest'
import { createSharding, MigrationFailedError, type MigrationProgress } from '../../src/index.ts'
import { deferred } from '../support/deferred.ts'
import { errorOf } from '../support/error-of.ts'
import { makes, migrationSource, type TestMigration } from '../support/migration-source.ts'
import { openSharding } from '../support/open-sharding.ts'
import { runSql } from '../support/run-sql.ts'
import { ServerView } from '../support/server-view.ts'

/** To create and drop fifty databases takes ten seconds. */
const COUNT = isLong ? 50 : 8
const FAILING = 'shard_3'

const urls = await Promise.all(Array.from({ length: COUNT }, () => createDatabase()))
const url = urls[3] as string
const shards = Object.fromEntries(urls.map((connection, index) => [`shard_${index}`, { connection }]))

test('of 50 databases one fails: 49 are done, it is named with its error, and a second run finishes it', async () => {
  const sharding = openSharding(shards)
  await runSql(url, 'create table projects (in_the_way int)')
  const options = { migrationSource: migrationSource({ '1_projects': makes('projects') }) }
  const progress: MigrationProgress[] = []

  const error = await errorOf(() =>
    sharding.migrate.latest({ ...options, onError: 'continue', onProgress: (each) => progress.push(each) }),
  )
  expect(error).toBeInstanceOf(MigrationFailedError)
  const { report, message } = error as MigrationFailedError
  expect(report).toMatchObject({
    ok: false,
    counts: { migrated: COUNT - 1, unchanged: 0, failed: 1, skipped: 0 },
  })
  expect(report.shards[FAILING]).toMatchObject({
    status: 'failed',
    migration: '1_projects',
    migrations: [],
    error: { code: '42P07' },
  })
  expect(message).toContain(`${FAILING} (1_projects)`)
  expect(message).toContain('relation "projects" already exists')
  const done = progress.filter(({ type }) => type === 'shard-done')
  expect(done.map(({ doneCount }) => doneCount)).toEqual(urls.map((_, index) => index + 1))
  expect(await sharding.migrate.status(options)).toMatchObject({
    isCurrent: false,
    shards: {
      [FAILING]: { status: 'pending', pending: ['1_projects'] },
      shard_4: { status: 'current', batch: 1 },
    },
  })

  await runSql(url, 'drop table projects')
  const second = await sharding.migrate.latest(options)
  expect(second.counts).toEqual({ migrated: 1, unchanged: COUNT - 1, failed: 0, skipped: 0 })
  expect(second.shards[FAILING]).toMatchObject({ status: 'migrated', migrations: ['1_projects'] })
  expect(await sharding.migrate.status(options)).toMatchObject({ isCurrent: true })
  await expect
    .poll(() => Object.values(sharding.stats().shards).filter(({ writing }) => writing.active > 0))
    .toEqual([])
})

test('as many shards at a time as are wanted, and of one server as many as are wanted of it', async () => {
  const sharding = openSharding(shards)
  for (const limits of [{ concurrency: 3 }, { concurrency: 8, concurrencyPerServer: 2 }]) {
    const limit = limits.concurrencyPerServer ?? limits.concurrency
    let running = 0
    let most = 0
    const full = deferred()
    await sharding.migrate.latest({
      ...limits,
      canary: null,
      tableName: `limited_${limit}`,
      migrationSource: migrationSource({
        one: {
          async up() {
            most = Math.max(most, ++running)
            if (running === limit) full.resolve()
            // Whoever is let in holds the place until as many are in as may be.
            await full.promise
            await new Promise(setImmediate)
            running--
          },
        },
      }),
    })
    expect(most).toBe(limit)
  }
})

test('never more shards of a server at a time than its budget has connections for', async () => {
  const { host } = new URL(url)
  const sharding = createSharding({
    config: {
      defaults: { client: 'pg', pool: { checkoutTimeoutMs: 500 } },
      servers: { [host]: { maxConnections: 2 } },
      shards,
    },
  })
  onTestFinished(() => sharding.close({ deadlineMs: 0 }))
  const slow: TestMigration = { up: (knex) => knex.raw('select pg_sleep(0.7)') }
  const options = { tableName: 'budgeted', migrationSource: migrationSource({ slow }) }
  const chosen = Object.keys(shards).slice(0, 5)
  const report = await sharding.migrate.latest({ ...options, shards: chosen, canary: null })
  expect(report.counts.migrated).toBe(5)
})

test('a run that waits for another does not hold up its CREATE INDEX CONCURRENTLY', async () => {
  const [one, two] = [openSharding({ one: { connection: url } }), openSharding({ one: { connection: url } })]
  const [begun, waits] = [deferred(), deferred()]
  const index: TestMigration = {
    async up(knex) {
      begun.resolve()
      await waits.promise
      await knex.raw('create index concurrently on books (id)')
    },
    config: { transaction: false },
  }
  const options = {
    tableName: 'concurrent_migrations',
    migrationSource: migrationSource({ '1_books': makes('books'), '2_index': index }),
  }
  const first = one.migrate.latest(options)
  await begun.promise
  const second = two.migrate.latest({
    ...options,
    onProgress: ({ type }) => void (type === 'lock-waiting' && waits.resolve()),
  })
  expect((await first).shards['one']).toMatchObject({ migrations: ['1_books', '2_index'] })
  expect((await second).shards['one']).toMatchObject({ status: 'unchanged' })
})

test('without locks that end with their session there is that of knex, which nobody breaks', async () => {
  // What speaks PostgreSQL's protocol and has no advisory locks is told by its client.
  const sharding = openSharding({ one: { client: 'cockroachdb', connection: url } })
  const migrate = (...names: string[]) =>
    sharding.migrate.latest({
      tableName: 'plain_migrations',
      migrationSource: migrationSource(Object.fromEntries(names.map((name) => [name, makes(name)]))),
    })
  expect((await migrate('plain')).counts.migrated).toBe(1)
  await runSql(url, 'update plain_migrations_lock set is_locked = 1')
  const error = await errorOf(() => migrate('plain', 'plainer'))
  expect((error as MigrationFailedError).report.shards['one']).toMatchObject({
    status: 'failed',
    error: { code: 'SHARD_ERR_MIGRATION_LOCKED' },
  })
})

test("time limits that the session has don't end a migration, and hold again for whoever comes next", async () => {
  const session = { statement_timeout: 150, idle_in_transaction_session_timeout: 150 }
  const sharding = openSharding({ one: { connection: url, session, scrub: 'never', pool: { max: 1 } } })
  const slow: TestMigration = {
    async up(knex) {
      await knex.raw('select pg_sleep(0.3)')
      await new Promise((resolve) => setTimeout(resolve, 300))
      await makes('slow').up(knex)
    },
  }
  const options = { tableName: 'slow_migrations', migrationSource: migrationSource({ slow }) }
  expect((await sharding.migrate.latest(options)).ok).toBe(true)
  const limits = await sharding.connectedTo('one', async () => {
    const { rows } = await sharding.db.raw(
      "select current_setting('statement_timeout') as statement, current_setting('client_connection_check_interval') as check",
    )
    return rows[0]
  })
  expect(limits).toEqual({ statement: '150ms', check: '0' })
  const view = await ServerView.open(url)
  expect(await view.query("select * from pg_locks where locktype = 'advisory'")).toEqual([])
})

test('the connection is lost in the middle: the shard has failed, and another run finishes it', async () => {
  const sharding = openSharding({ one: { connection: url } })
  const view = await ServerView.open(url)
  let isFirst = true
  const fragile: TestMigration = {
    async up(knex) {
      const { rows } = await knex.raw('select pg_backend_pid() as pid')
      if (isFirst) await view.terminate(rows[0].pid)
      await makes('fragile').up(knex)
    },
  }
  const options = {
    tableName: 'fragile_migrations',
    migrationSource: migrationSource({
      '1': { ...makes('before'), config: { transaction: false } },
      '2': fragile,
    }),
  }
  const error = await errorOf(() => sharding.migrate.latest(options))
  expect((error as MigrationFailedError).report.shards['one']).toMatchObject({
    status: 'failed',
    migration: '2',
    error: { code: 'SHARD_ERR_CONNECTION_LOST' },
  })
  isFirst = false
  expect((await sharding.migrate.latest(options)).shards['one']).toMatchObject({ migrations: ['2'] })
})

test('reads folders as knex does: both kinds of modules, in the order of their names, and no declarations', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sherd-migrations-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const [first, second] = [join(folder, 'first'), join(folder, 'second')]
  const body = (table: string) => `(knex) => knex.schema.createTable('${table}', (t) => { t.increments() })`
  await Promise.all([mkdir(first), mkdir(second)])
  await Promise.all([
    writeFile(join(first, '3_three.cjs'), `exports.up = ${body('three')}; exports.down = async () => {}`),
    writeFile(
      join(first, '1_one.mjs'),
      `export const up = ${body('one')}; export const down = async () => {}`,
    ),
    writeFile(join(first, '1_one.d.mts'), 'export {}'),
    writeFile(join(first, 'README.md'), 'nothing to run'),
    writeFile(join(second, '2_two.js'), `module.exports = { up: ${body('two')}, down: async () => {} }`),
  ])
  const sharding = openSharding({
    one: {
      connection: url,
      knex: { migrations: { directory: [first, second], tableName: 'from_folders' } },
    },
  })
  expect((await sharding.migrate.latest()).shards['one']).toMatchObject({
    migrations: ['1_one.mjs', '2_two.js', '3_three.cjs'],
  })
  // knex finds what it would have written itself.
  const [completed, pending] = await sharding.connectedTo('one', () =>
    sharding.db.migrate.list({ directory: [first, second], loadExtensions: ['.mjs', '.js', '.cjs'] }),
  )
  expect([completed.length, pending]).toEqual([3, []])
})

test('a migration that cannot be loaded is named, and none is run', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sherd-migrations-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  await writeFile(join(directory, '1_sound.cjs'), 'exports.up = exports.down = async () => {}')
  const broken = join(directory, '2_broken.cjs')
  await writeFile(broken, 'exports.up = async (knex => {')
  const sharding = openSharding({ one: { connection: url } })
  const error = await errorOf(() => sharding.migrate.latest({ directory, tableName: 'from_broken' }))
  expect((error as MigrationFailedError).report.shards['one']).toMatchObject({
    status: 'failed',
    migrations: [],
    error: expect.objectContaining({
      message: expect.stringContaining(`The migration ${broken} cannot be loaded: `),
      cause: expect.any(SyntaxError),
    }),
  })
})

test('what cannot be migrated is said in one line, before anything is touched', async () => {
  const sharding = openSharding(shards)
  const { migrate } = sharding
  const source = migrationSource({})
  const complaints: [() => Promise<unknown>, string][] = [
    [() => migrate.latest(null as never), 'migrate.latest() takes options as an object, not null.'],
    [() => migrate.latest({ dir: 'x' } as never), 'migrate.latest() has no option "dir". There are'],
    [() => migrate.latest({ onErorr: 'stop' } as never), 'Did you mean "onError"?'],
    [() => migrate.latest({ concurrency: 0 }), 'must be a whole number of at least 1, not 0'],
    [
      () => migrate.latest({ concurrencyPerServer: 1.5 }),
      'must be a whole number of at least 1, or null, not 1.5',
    ],
    [() => migrate.latest({ shards: [] }), "must be a list of at least one shard's name, not []"],
    [() => migrate.latest({ onError: 'go' as never }), "must be 'stop' or 'continue', not 'go'"],
    [() => migrate.latest({ lockTimeoutMs: 0 }), 'must be more than 0 milliseconds, or null, not 0'],
    [() => migrate.latest({ checkoutTimeoutMs: -1 }), 'must be more than 0 milliseconds, not -1'],
    [() => migrate.latest({ signal: {} as never }), 'must be an AbortSignal, not {}'],
    [() => migrate.latest({ onProgress: 1 as never }), 'must be a function, not 1'],
    [() => migrate.latest({ directory: '' }), "must be a folder, or a list of folders, not ''"],
    [() => migrate.latest({ migrationSource: {} as never }), 'must be an object with getMigrations()'],
    [
      () => migrate.latest({ migrationSource: source, directory: 'x' }),
      'a directory or a migrationSource, not both',
    ],
    [() => migrate.latest({ migrationSource: source, canary: 'shard_99' }), 'The canary "shard_99"'],
    [
      () => migrate.latest({ migrationSource: source, shards: ['shard_1'], canary: FAILING }),
      'none of the shards',
    ],
    [() => migrate.latest({ directory: './no/such' }), '("./no/such", seen from '],
    [
      () => migrate.latest(),
      `The folder of the migrations cannot be read: ${join(process.cwd(), 'migrations')}`,
    ],
    [() => migrate.rollback({ all: 1 as never }), 'must be true or false, not 1'],
    [() => migrate.status({ canary: 'shard_1' } as never), 'migrate.status() has no option "canary"'],
  ]
  for (const [action, complaint] of complaints) {
    const error = await errorOf(action)
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toContain(complaint)
    expect(error.message).not.toContain('\n')
  }
  expect(await errorOf(() => migrate.latest({ migrationSource: source, shards: ['shrad_1'] }))).toMatchObject(
    {
      code: 'SHARD_ERR_SHARD_UNKNOWN',
    },
  )
  expect(Object.values(sharding.stats().shards).filter(({ writing }) => writing.total > 0)).toEqual([])
})
