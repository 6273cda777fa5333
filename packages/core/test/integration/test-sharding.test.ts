import { mkdir, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestSharding, type TestShardingOptions, withRollback } from '@sherd/core/testing'
import type { Knex } from 'knex'
import { expect, onTestFinished } from 'vitest'
import { engine, test } from '../support/engine.ts'
import { runSql } from '../support/run-sql.ts'

const own = [await engine.createDatabase(), await engine.createDatabase()] as [string, string]
await runSql(own[0], 'create table own (id int)')
await runSql(own[1], 'create table other (id int)')

const config: NonNullable<TestShardingOptions['config']> = {
  defaults: { client: engine.client },
  shards: {
    one: { connection: own[0], tenants: ['acme'], replicas: [{ connection: own[0] }], identity: 'mine' },
    two: { connection: own[1], tenants: ['hooli'] },
  },
}

async function open(options: TestShardingOptions = {}) {
  const sharding = await createTestSharding({ config, ...options })
  onTestFinished(() => sharding.close())
  return sharding
}

/** The temporary databases that are there. */
async function temporary(): Promise<string[]> {
  if (!engine.hasServer) return (await readdir(tmpdir())).filter((name) => name.startsWith('sherd_test_'))
  const view = await engine.view(own[0])
  const [catalog, column] =
    engine.name === 'PostgreSQL' ? ['pg_database', 'datname'] : ['information_schema.schemata', 'schema_name']
  const found = await view.query(
    `select ${column} as name from ${catalog} where ${column} like 'sherd_test_%'`,
  )
  return found.map(({ name }) => String(name))
}

async function leave(name: string): Promise<string> {
  if (engine.hasServer) {
    await runSql(own[0], `create database ${name}`)
    onTestFinished(() => runSql(own[0], `drop database if exists ${name}`))
  } else {
    await mkdir(join(tmpdir(), name))
    onTestFinished(() => rm(join(tmpdir(), name), { recursive: true, force: true }))
  }
  return name
}

const createItems = (db: Knex) => db.schema.createTable('items', (table) => table.integer('id'))

test('each shard has a database of its own, beside the one of the configuration, until the end', async () => {
  const before = await temporary()
  const prepared: string[] = []
  const sharding = await open({
    prepare: async (db, shard) => {
      await createItems(db)
      prepared.push(shard)
    },
  })
  const { db, connectedTo, connectedToTenant } = sharding
  expect(prepared).toEqual(['one', 'two'])
  expect((await temporary()).length).toBe(before.length + 2)
  await connectedToTenant('acme', () => db('items').insert({ id: 1 }))
  await connectedToTenant('hooli', () => db('items').insert({ id: 2 }))
  for (const role of ['writing', 'reading'] as const) {
    expect(await connectedTo({ shard: 'one', role }, () => db('items').pluck('id'))).toEqual([1])
    expect(await connectedTo({ shard: 'two', role }, () => db('items').pluck('id'))).toEqual([2])
  }
  expect(await connectedTo('one', () => db.schema.hasTable('own'))).toBe(false)
  await withRollback(sharding, () => connectedTo('one', () => db('items').insert({ id: 3 })))
  expect(await connectedTo('one', () => db('items').pluck('id'))).toEqual([1])
  await Promise.all([sharding.close(), sharding.close()])
  await sharding.close()
  expect(await temporary()).toEqual(before)
})

test('nothing is left behind by a preparation that fails', async () => {
  const before = await temporary()
  const failure = new Error('no')
  await expect(
    open({
      prepare: (_db, shard) => {
        if (shard === 'two') throw failure
      },
    }),
  ).rejects.toBe(failure)
  expect(await temporary()).toEqual(before)
})

test('what runs that were killed have left is removed, and what others use stays', async () => {
  const sharding = await open()
  const alive = (await temporary()).find((name) => name.includes(`_${process.pid}_`)) as string
  const [, host, , seconds] = /^sherd_test_(\w{6})_(\d+)_(\w+)_\w{8}$/.exec(alive) as unknown as string[]
  const long = Math.floor(Date.now() / 1000 - 25 * 60 * 60).toString(36)
  const stale = [
    await leave(`sherd_test_${host}_999999999_${seconds}_00000000`),
    await leave(`sherd_test_ffffff_1_${long}_00000000`),
  ]
  const others = [
    await leave(`sherd_test_ffffff_999999999_${seconds}_00000000`),
    await leave(`sherd_test_${host}_${process.ppid}_${seconds}_00000000`),
    await leave('sherd_test_of_mine'),
  ]
  await open()
  const found = await temporary()
  expect(found).toEqual(expect.arrayContaining([alive, ...others]))
  for (const name of stale) expect(found).not.toContain(name)
  await sharding.connectedTo('one', () => sharding.db.raw('select 1'))
})

test('a template is copied, where the database knows how', async () => {
  if (engine.name === 'MariaDB') {
    await expect(open({ template: 'x' })).rejects.toThrow('`prepare` instead of `template`')
    return
  }
  const [first, second] = engine.hasServer ? own.map(engine.nameOf) : own
  const sharding = await open({ template: (shard) => (shard === 'one' ? first : second) as string })
  expect(await sharding.connectedTo('one', () => sharding.db.schema.hasTable('own'))).toBe(true)
  expect(await sharding.connectedTo('two', () => sharding.db.schema.hasTable('own'))).toBe(false)
})

test('it refuses to be reloaded, and to watch: its databases belong to the first configuration', async () => {
  const sharding = await open()
  await expect(sharding.reload()).rejects.toThrow(/A test Sharding cannot be reloaded/)
  expect(() => sharding.watch()).toThrow(/A test Sharding cannot be reloaded/)
})
