import { expect, onTestFinished } from 'vitest'
import {
  MigrationFailedError,
  type MigrationProgress,
  type MigrationReport,
  ScopeLockedError,
  type Sharding,
} from '../../src/index.ts'
import { deferred } from '../support/deferred.ts'
import { can, engine, test } from '../support/engine.ts'
import { errorOf } from '../support/error-of.ts'
import { makes, migrationSource, type TestMigration } from '../support/migration-source.ts'
import { openSharding } from '../support/open-sharding.ts'
import { runSql } from '../support/run-sql.ts'

const NAMES = ['a', 'b', 'c']

/** Shards on empty databases. */
async function emptyShards(names = NAMES): Promise<Record<string, { connection: string }>> {
  const connect = async (name: string) => [name, { connection: await engine.createDatabase() }] as const
  return Object.fromEntries(await Promise.all(names.map(connect)))
}

const open = async (...names: string[]) => openSharding(await emptyShards(names.length > 0 ? names : NAMES))
const hasTable = (sharding: Sharding, shard: string, table: string) =>
  sharding.connectedTo(shard, () => sharding.db.schema.hasTable(table))
const tablesOf = (sharding: Sharding, table: string) =>
  Promise.all(NAMES.map((shard) => hasTable(sharding, shard, table)))
const statuses = ({ shards }: MigrationReport) => Object.values(shards).map(({ status }) => status)

async function failureOf(migrating: Promise<unknown>): Promise<MigrationFailedError> {
  const error = await errorOf(() => migrating)
  expect(error).toBeInstanceOf(MigrationFailedError)
  return error as MigrationFailedError
}

const BREAKS: TestMigration = { up: (knex) => knex.raw('select * from nowhere_at_all') }

/** Fails on the given shards. */
function breaksOn(sharding: Sharding, ...shards: string[]): TestMigration {
  return {
    ...makes('fragile'),
    async up(knex) {
      if (shards.includes(sharding.requireScope().shard)) await BREAKS.up(knex)
      await makes('fragile').up(knex)
    },
  }
}

test('runs what has not run on each shard, once', async () => {
  const sharding = await open()
  const one = migrationSource({ '1_one': makes('one') })
  const both = migrationSource({ '1_one': makes('one'), '2_two': makes('two') })
  const report = await sharding.migrate.latest({ migrationSource: one })
  expect(report).toMatchObject({
    ok: true,
    counts: { migrated: 3, unchanged: 0, failed: 0, skipped: 0 },
    shards: { a: { status: 'migrated', migrations: ['1_one'], batch: 1 } },
  })
  expect((await sharding.migrate.latest({ migrationSource: both })).shards['b']).toMatchObject({
    status: 'migrated',
    migrations: ['2_two'],
    batch: 2,
  })
  const again = await sharding.migrate.latest({ migrationSource: both })
  expect(again.counts.unchanged).toBe(3)
  expect(again.shards['c']).toMatchObject({ migrations: [], batch: 2 })
  expect(await tablesOf(sharding, 'two')).toEqual([true, true, true])
  await expect
    .poll(() => Object.values(sharding.stats().shards).map(({ writing }) => writing.active))
    .toEqual([0, 0, 0])
})

test('L1: all migrations of a shard, and the lock, are on one connection, in a locked scope without a tenant', async () => {
  const sharding = await open('a')
  const seen: unknown[] = []
  const look: TestMigration = {
    async up(knex) {
      const answer = await knex.raw(`select ${engine.sql.session} as session`)
      seen.push([engine.rows(answer)[0].session, sharding.currentScope()])
      expect(sharding.stats().shards['a']?.writing.total).toBe(1)
    },
  }
  const migrationSource_ = migrationSource({
    '1': look,
    '2': { ...look, config: { transaction: false } },
    '3': look,
  })
  await sharding.migrate.latest({ migrationSource: migrationSource_, shards: ['a'] })
  const scope = { shard: 'a', role: 'writing', preventWrites: false, locked: true }
  const [[session]] = seen as [[unknown]]
  expect(seen).toEqual([1, 2, 3].map(() => [session, scope]))
})

test('a migration cannot give the connection back, and the lock with it, nor reach another shard', async () => {
  const sharding = await open('a', 'b')
  const codes: unknown[] = []
  const stray: TestMigration = {
    async up() {
      codes.push((await errorOf(() => sharding.releaseConnection())).code)
      codes.push((await errorOf(() => sharding.connectedTo('b', () => {}))).code)
    },
    config: { transaction: false },
  }
  await sharding.migrate.latest({ migrationSource: migrationSource({ stray }), shards: ['a'] })
  expect(codes).toEqual([expect.any(String), 'SHARD_ERR_SCOPE_LOCKED'])
})

test('what a failed shard has kept is told: all or nothing where schema changes can be rolled back', async () => {
  const sharding = await open('a')
  const source = migrationSource({ '1_one': makes('one'), '2_breaks': BREAKS })
  const { report, message, cause } = await failureOf(
    sharding.migrate.latest({ migrationSource: source, shards: ['a'] }),
  )
  const isAtomic = can('TRANSACTIONAL_DDL')
  expect(report.shards['a']).toMatchObject({
    status: 'failed',
    migration: '2_breaks',
    migrations: isAtomic ? [] : ['1_one'],
  })
  expect(await hasTable(sharding, 'a', 'one')).toBe(!isAtomic)
  expect(message).toContain('a (2_breaks)')
  expect(cause).toBe((report.shards['a'] as { error?: unknown }).error)
})

test('a canary that fails: no other shard is touched', async () => {
  const sharding = await open()
  const options = { migrationSource: migrationSource({ '1': breaksOn(sharding, 'b') }), canary: 'b' }
  for (const onError of ['stop', 'continue'] as const) {
    const { report } = await failureOf(sharding.migrate.latest({ ...options, onError }))
    expect(report.shards).toMatchObject({
      a: { status: 'skipped', reason: 'canary', durationMs: 0 },
      b: { status: 'failed' },
      c: { status: 'skipped', reason: 'canary' },
    })
  }
  expect(await tablesOf(sharding, 'fragile')).toEqual([false, false, false])
  expect(await tablesOf(sharding, 'knex_migrations')).toEqual([false, true, false])
})

test('the others begin once the canary has succeeded, which is the first unless it is named or switched off', async () => {
  const sharding = await open()
  const first: Record<string, string[]> = {}
  for (const [table, canary] of [
    ['one', undefined],
    ['two', 'c'],
    ['three', null],
  ] as const) {
    const begun: string[] = []
    await sharding.migrate.latest({
      migrationSource: migrationSource(
        Object.fromEntries(
          ['one', 'two', 'three']
            .slice(0, ['one', 'two', 'three'].indexOf(table) + 1)
            .map((name) => [name, makes(name)]),
        ),
      ),
      ...(canary === undefined ? {} : { canary }),
      onProgress({ type, shard, doneCount }) {
        if (type === 'shard-started') begun.push(`${shard} after ${doneCount}`)
      },
    })
    first[String(canary)] = begun
  }
  expect(first['undefined']?.slice(0, 2)).toEqual(['a after 0', 'b after 1'])
  expect(first['c']?.slice(0, 2)).toEqual(['c after 0', 'a after 1'])
  expect(first['null']).toEqual(['a after 0', 'b after 0', 'c after 0'])
})

test('after a failure no other shard begins, unless the rest is wanted', async () => {
  const sharding = await open()
  const options = {
    migrationSource: migrationSource({ '1': breaksOn(sharding, 'b') }),
    concurrency: 1,
    canary: null,
  }
  const stopped = await failureOf(sharding.migrate.latest(options))
  expect(statuses(stopped.report)).toEqual(['migrated', 'failed', 'skipped'])
  expect(stopped.report.shards['c']).toMatchObject({ reason: 'stopped' })
  expect(stopped.message).toContain('not begun: c')
  const continued = await failureOf(sharding.migrate.latest({ ...options, onError: 'continue' }))
  expect(statuses(continued.report)).toEqual(['unchanged', 'failed', 'migrated'])
})

test('two runs at once: the second waits, and each migration runs once', async () => {
  const shards = await emptyShards(['a'])
  const [one, two] = [openSharding(shards), openSharding(shards)]
  const waiting = deferred()
  const ran: string[] = []
  const source = (who: string) =>
    migrationSource({
      '1': {
        async up(knex) {
          ran.push(who)
          await makes('one').up(knex)
          // Nothing of the first run goes on before the second has found its lock taken.
          if (who === 'one') await waiting.promise
        },
      },
    })
  const begun = deferred()
  const first = one.migrate.latest({
    migrationSource: source('one'),
    shards: ['a'],
    onProgress: ({ type }) => void (type === 'migration-started' && begun.resolve()),
  })
  await begun.promise
  const events: string[] = []
  const second = two.migrate.latest({
    migrationSource: source('two'),
    shards: ['a'],
    onProgress({ type }) {
      events.push(type)
      if (type === 'lock-waiting') waiting.resolve()
    },
  })
  expect((await first).shards['a']).toMatchObject({ status: 'migrated' })
  expect((await second).shards['a']).toMatchObject({ status: 'unchanged' })
  expect(ran).toEqual(['one'])
  expect(events).toEqual(['shard-started', 'lock-waiting', 'shard-done'])
})

test('who waits longer than lockTimeoutMs for another run fails, and whose signal aborts is skipped', async () => {
  const shards = await emptyShards(['a'])
  const [one, two] = [openSharding(shards), openSharding(shards)]
  const finish = deferred()
  const begun = deferred()
  const slow = migrationSource({ '1': { up: () => finish.promise } })
  const first = one.migrate.latest({
    migrationSource: slow,
    shards: ['a'],
    onProgress: ({ type }) => void (type === 'migration-started' && begun.resolve()),
  })
  await begun.promise
  const options = { migrationSource: slow, shards: ['a'] }
  const late = await failureOf(two.migrate.latest({ ...options, lockTimeoutMs: 60 }))
  expect(late.report.shards['a']).toMatchObject({
    status: 'failed',
    error: { code: 'SHARD_ERR_MIGRATION_LOCKED', shard: 'a' },
  })
  const controller = new AbortController()
  const aborted = await failureOf(
    two.migrate.latest({
      ...options,
      signal: controller.signal,
      onProgress: ({ type }) => void (type === 'lock-waiting' && controller.abort(new Error('enough'))),
    }),
  )
  expect(aborted.report.shards['a']).toMatchObject({ status: 'skipped', reason: 'aborted' })
  expect(aborted.cause).toMatchObject({ message: 'enough' })
  finish.resolve()
  expect((await first).ok).toBe(true)
})

test("a lock that a dead run of ours has left in knex's table is taken over, one of knex itself is not", async () => {
  const shards = await emptyShards(['a'])
  const sharding = openSharding(shards)
  const { connection } = shards['a'] as { connection: string }
  const migrate = (...names: string[]) =>
    sharding.migrate.latest({
      migrationSource: migrationSource(Object.fromEntries(names.map((name) => [name, makes(name)]))),
      shards: ['a'],
      lockTimeoutMs: 100,
    })
  await migrate('one')
  await runSql(connection, 'update knex_migrations_lock set is_locked = 2')
  expect((await migrate('one', 'two')).counts.migrated).toBe(1)
  await runSql(connection, 'update knex_migrations_lock set is_locked = 1')
  const { report, message } = await failureOf(migrate('one', 'two', 'three'))
  expect(report.shards['a']).toMatchObject({
    status: 'failed',
    error: { code: 'SHARD_ERR_MIGRATION_LOCKED' },
  })
  expect(message).toContain('knex migrate:unlock')
  expect(await hasTable(sharding, 'a', 'three')).toBe(false)
  // knex itself is kept out while a run is at work, and goes on where it has ended.
  await runSql(connection, 'update knex_migrations_lock set is_locked = 0')
  const knexAlone = await new Promise((resolve) => {
    const source = migrationSource({
      one: makes('one'),
      two: makes('two'),
      three: {
        async up() {
          resolve(
            await sharding.connectedTo({ shard: 'a' }, () =>
              sharding.db('knex_migrations_lock').pluck('is_locked'),
            ),
          )
        },
        config: { transaction: false },
      },
    })
    void sharding.migrate.latest({ migrationSource: source, shards: ['a'] })
  })
  expect(knexAlone).toEqual([2])
  await expect
    .poll(() => sharding.connectedTo('a', () => sharding.db('knex_migrations_lock').pluck('is_locked')))
    .toEqual([0])
})

test('rollback undoes the same migrations on all shards, whatever their batches are', async () => {
  const sharding = await open()
  const steps = { one: makes('one'), two: makes('two'), three: makes('three') }
  const { one, two, three } = steps
  // a is added later, and has everything in one batch; b has not seen the last.
  await sharding.migrate.latest({ migrationSource: migrationSource({ one, two }), shards: ['b', 'c'] })
  const migrationSource_ = migrationSource({ one, two, three })
  await sharding.migrate.latest({ migrationSource: migrationSource_, shards: ['a', 'c'] })
  const options = { migrationSource: migrationSource_ }
  const { shards, counts } = await sharding.migrate.rollback(options)
  expect(counts).toMatchObject({ migrated: 2, unchanged: 1 })
  expect(shards).toMatchObject({
    a: { status: 'migrated', migrations: ['three'] },
    b: { status: 'unchanged', migrations: [] },
    c: { status: 'migrated', migrations: ['three'] },
  })
  expect(await tablesOf(sharding, 'two')).toEqual([true, true, true])
  expect(await tablesOf(sharding, 'three')).toEqual([false, false, false])
  const all = await sharding.migrate.rollback({ ...options, all: true })
  expect(all.shards['b']).toMatchObject({ status: 'migrated', migrations: ['two', 'one'] })
  expect(await tablesOf(sharding, 'one')).toEqual([false, false, false])
  expect((await sharding.migrate.rollback(options)).counts.unchanged).toBe(3)
})

test('what a newer version of the application has run cannot be undone without its files, nor what it stands on', async () => {
  const sharding = await open()
  const steps = { '1_one': makes('one'), '2_two': makes('two') }
  const older = migrationSource({ '1_one': steps['1_one'] })
  await sharding.migrate.latest({ migrationSource: older })
  await sharding.migrate.latest({ migrationSource: migrationSource(steps), shards: ['b', 'c'] })
  const { report } = await failureOf(
    sharding.migrate.rollback({ migrationSource: older, onError: 'continue' }),
  )
  expect(statuses(report)).toEqual(['unchanged', 'failed', 'failed'])
  expect(report.shards['b']).toMatchObject({
    error: { message: '"2_two" has run on shard "b" and cannot be undone: its file is not there.' },
  })
  expect(await tablesOf(sharding, 'one')).toEqual([true, true, true])
  expect(await tablesOf(sharding, 'two')).toEqual([false, true, true])
})

test('a rollback touches nothing when it cannot ask a shard what it has, unless the rest is wanted', async () => {
  const shards = await emptyShards()
  const sharding = openSharding({ ...shards, dead: { connection: engine.nowhere } })
  const options = { migrationSource: migrationSource({ one: makes('one') }) }
  await sharding.migrate.latest({ ...options, shards: NAMES })
  const { report } = await failureOf(sharding.migrate.rollback(options))
  expect(statuses(report)).toEqual(['skipped', 'skipped', 'skipped', 'failed'])
  expect(await tablesOf(sharding, 'one')).toEqual([true, true, true])
  const rest = await failureOf(sharding.migrate.rollback({ ...options, onError: 'continue' }))
  expect(statuses(rest.report)).toEqual(['migrated', 'migrated', 'migrated', 'failed'])
})

test('status names what has run, what has not, and what is missing, and makes no table', async () => {
  const sharding = openSharding({ ...(await emptyShards()), dead: { connection: engine.nowhere } })
  const of = (...names: string[]) => ({
    migrationSource: migrationSource(Object.fromEntries(names.map((name) => [name, makes(name)]))),
  })
  await sharding.migrate.latest({ ...of('one', 'two'), shards: ['a'] })
  await sharding.migrate.latest({ ...of('one'), shards: ['b'] })
  const status = await sharding.migrate.status(of('one', 'three'))
  expect(status).toEqual({
    isCurrent: false,
    shards: {
      a: { status: 'pending', completed: ['one', 'two'], pending: ['three'], missing: ['two'], batch: 1 },
      b: { status: 'pending', completed: ['one'], pending: ['three'], missing: [], batch: 1 },
      c: { status: 'pending', completed: [], pending: ['one', 'three'], missing: [], batch: null },
      dead: { status: 'unknown', error: expect.any(Error) },
    },
  })
  expect(await hasTable(sharding, 'c', 'knex_migrations')).toBe(false)
  expect((await sharding.migrate.status({ ...of('one', 'two'), shards: ['a'] })).isCurrent).toBe(true)
})

test('a signal: the migration that runs is let finish, the next does not begin, and no other shard', async () => {
  const sharding = await open()
  const controller = new AbortController()
  const source = migrationSource({
    one: {
      async up(knex) {
        controller.abort(new Error('enough'))
        await makes('one').up(knex)
      },
      config: { transaction: false },
    },
    two: makes('two'),
  })
  const { report, cause } = await failureOf(
    sharding.migrate.latest({
      migrationSource: source,
      signal: controller.signal,
      canary: null,
      concurrency: 1,
    }),
  )
  expect(report.shards).toMatchObject({
    a: { status: 'failed', migrations: ['one'], error: { code: 'SHARD_ERR_MIGRATION_ABORTED' } },
    b: { status: 'skipped', reason: 'aborted' },
    c: { status: 'skipped', reason: 'aborted' },
  })
  expect(cause).toMatchObject({ cause: { message: 'enough' } })
  expect((await sharding.migrate.latest({ migrationSource: source })).shards['a']).toMatchObject({
    migrations: ['two'],
  })
})

test('a locked scope refuses, any other has nothing to do with it', async () => {
  const sharding = await open()
  const options = { migrationSource: migrationSource({ one: makes('one') }) }
  await sharding.connectedTo({ shard: 'a', lock: true }, async () => {
    for (const method of ['latest', 'rollback', 'status'] as const) {
      expect(await errorOf(() => sharding.migrate[method](options))).toBeInstanceOf(ScopeLockedError)
    }
    expect((await sharding.unlocked(() => sharding.migrate.latest(options))).ok).toBe(true)
  })
  expect(await tablesOf(sharding, 'one')).toEqual([true, true, true])
})

test('tells of everything as it happens, and a listener that throws harms nobody', async () => {
  const sharding = await open()
  const warnings: string[] = []
  const listen = (warning: Error) => void warnings.push(warning.message)
  process.on('warning', listen)
  onTestFinished(() => void process.off('warning', listen))
  const told: MigrationProgress[] = []
  await sharding.migrate.latest({
    migrationSource: migrationSource({ one: makes('one'), two: makes('two') }),
    concurrency: 1,
    shards: ['c', 'a'],
    onProgress(progress) {
      told.push(progress)
      throw new Error('a broken listener')
    },
  })
  const types = [
    'shard-started',
    'migration-started',
    'migration-done',
    'migration-started',
    'migration-done',
    'shard-done',
  ]
  expect(told.map(({ type }) => type)).toEqual([...types, ...types])
  expect(told[5]).toMatchObject({ shard: 'a', doneCount: 1, totalCount: 2, outcome: { status: 'migrated' } })
  expect(told[8]).toMatchObject({ shard: 'c', migration: 'one', durationMs: expect.any(Number) })
  await expect.poll(() => warnings.length).toBe(12)
})

test('a limit on queries and the report of leaks are for requests: migrations may take their time', async () => {
  const shards = await emptyShards(['a'])
  const sharding = openSharding(shards, { pool: { queryTimeoutMs: 150, leakThresholdMs: 100 } })
  const leaks: unknown[] = []
  sharding.on('lease:leaked', (leak) => leaks.push(leak))
  const slow: TestMigration = {
    up: (knex) =>
      engine.hasServer
        ? knex.raw(`select ${engine.sql.sleep(0.4)}`)
        : new Promise((resolve) => setTimeout(resolve, 400)),
  }
  const report = await sharding.migrate.latest({ migrationSource: migrationSource({ slow }), shards: ['a'] })
  expect(report.ok).toBe(true)
  expect(leaks).toEqual([])
})
