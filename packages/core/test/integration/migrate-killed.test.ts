import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { bound, isLong } from '@sherd/local-servers/test-scale'
import { expect, onTestFinished } from 'vitest'
import type { Sharding } from '../../src/index.ts'
import { engine, test } from '../support/engine.ts'
import { makes, migrationSource, type TestMigration } from '../support/migration-source.ts'
import { openSharding } from '../support/open-sharding.ts'

const CORE = fileURLToPath(new URL('../../src/index.ts', import.meta.url))
const SOURCE = fileURLToPath(new URL('../support/migration-source.ts', import.meta.url))
const idle = await engine.createDatabase()
const busy = await engine.createDatabase()

/** Has a process run migrations until the second of them is under way, and kills it there. */
async function killInTheMiddle(connection: string, body: string): Promise<void> {
  const script = `
    import { createSharding } from ${JSON.stringify(CORE)}
    import { makes, migrationSource } from ${JSON.stringify(SOURCE)}
    const shards = { one: { client: ${JSON.stringify(engine.client)}, connection: process.env.DATABASE } }
    const second = {
      async up(knex) {
        await makes('half').up(knex)
        ${body}
      },
      config: { transaction: false },
    }
    await createSharding({ config: { shards } }).migrate.latest({
      migrationSource: migrationSource({ '1_one': makes('one'), '2_two': second }),
    })`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
    env: { ...process.env, DATABASE: connection },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  await Promise.race([once(child.stdout, 'data'), exited.then(() => Promise.reject(new Error('it ended')))])
  child.kill('SIGKILL')
  await exited
}

const finish: TestMigration = {
  async up(knex) {
    expect(await knex.schema.hasTable('half')).toBe(true)
    await makes('two').up(knex)
  },
}

async function finishIn(sharding: Sharding, ms: number) {
  const startedAt = performance.now()
  const { shards } = await sharding.migrate.latest({
    migrationSource: migrationSource({ '1_one': makes('one'), '2_two': finish }),
  })
  expect(shards['one']).toMatchObject({ status: 'migrated', migrations: ['2_two'], batch: 2 })
  expect(performance.now() - startedAt).toBeLessThan(bound(ms))
  const locks = await sharding.connectedTo('one', () =>
    sharding.db('knex_migrations_lock').pluck('is_locked'),
  )
  expect(locks).toEqual([0])
}

test('a process is killed while a migration computes: the next run goes on with that one', async () => {
  await killInTheMiddle(
    idle,
    `process.stdout.write('now')
     await new Promise((resolve) => setTimeout(resolve, 60_000))`,
  )
  await finishIn(openSharding({ one: { connection: idle } }), 200)
})

/** MariaDB looks whether its client is still there every five seconds. */
const looksInTime = engine.name === 'PostgreSQL' || (isLong && engine.hasServer)

test.runIf(looksInTime)(
  'a process is killed while its statement runs: the server notices, and frees its lock',
  async () => {
    await killInTheMiddle(
      busy,
      `setTimeout(() => process.stdout.write('now'), 100)
     await knex.raw('select ${engine.sql.sleep(60)}')`,
    )
    await finishIn(openSharding({ one: { connection: busy } }), 1500)
  },
)
