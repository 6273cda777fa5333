import { isLong, scaled } from '@sherd/local-servers/test-scale'
import fc from 'fast-check'
import type { Knex } from 'knex'
import { expect } from 'vitest'
import { record } from '../../src/record.ts'
import { anyUses, run, TRAPS } from './support/builder-uses.ts'
import { test } from './support/fault-test.ts'
import { anyChanges, SESSION } from './support/session-changes.ts'
import type { Stage, StageOptions } from './support/stage.ts'

const RUNS = scaled(10_000)
/** Of those in which a scrub may be left out. */
const AUTO_RUNS = isLong ? RUNS : 200
const ITEMS = ['create table items (id int)', 'create sequence numbers', 'create schema other']

interface Course {
  readonly stage: Stage
  readonly runs: number
  readonly uses: fc.Arbitrary<readonly (string | object)[]>
  readonly use: (db: Knex, what: never) => Promise<void>
}

async function sessionOf(db: Knex) {
  const found = (await db.raw(SESSION)).rows[0] as { pid: number } & Record<string, unknown>
  const drawn = await db.raw('select lastval()').catch((error) => error.code)
  return { ...found, drawn }
}

/** Has leases use the session in any way, and looks at it with the next one. */
async function expectAlwaysClean({ stage, runs, uses, use }: Course): Promise<void> {
  const { db, connectedTo } = stage.sharding
  const look = () => connectedTo('shard_0', () => sessionOf(db))
  const { pid: first, ...baseline } = await look()
  let pid = first
  let kept = 0
  await fc.assert(
    fc.asyncProperty(uses, async (those) => {
      await connectedTo('shard_0', async () => {
        for (const one of those) await use(db, one as never)
      })
      const { pid: next, ...found } = await look()
      if (next === pid) kept++
      pid = next
      expect(found).toEqual(baseline)
    }),
    { numRuns: runs },
  )
  // To close each connection would be clean, too.
  expect(kept).toBeGreaterThan(runs * 0.9)
}

const POOL: StageOptions['pool'] = { max: 1, checkoutTimeoutMs: 10_000 }

for (const scrub of ['always', 'auto'] as const) {
  test(`fault 7: however a session is changed, the next borrower finds it as it was after connecting (scrub: ${scrub})`, {
    timeout: 600_000,
  }, async ({ set }) => {
    const stage = await set({ pool: POOL, defaults: { scrub }, schema: ITEMS })
    const role = `${new URL(stage.shards[0].url).pathname.slice(1)}_role`
    await stage.view.query(`create role ${role}`)
    await stage.view.query(`grant all on all tables in schema public to ${role}`)
    const send: (db: Knex, change: string) => Promise<void> = async (db, change) => {
      // What is refused may have changed something all the same.
      await db.raw(change).catch(() => {})
    }
    const runs = scrub === 'auto' ? AUTO_RUNS : RUNS
    await expectAlwaysClean({ stage, runs, uses: anyChanges(role), use: send })
    await stage.view.query(`drop owned by ${role}`)
    await stage.view.query(`drop role ${role}`)
    record(7, { name: scrub, measured: 0, figure: 0, unit: `differences in ${runs} cases`, met: true })
  })
}

test('fault 7: whatever is asked of the builder, with fragments and without, scrub: auto leaves nothing behind', {
  timeout: 600_000,
}, async ({ set }) => {
  const stage = await set({ pool: POOL, defaults: { scrub: 'auto' }, schema: [...ITEMS, ...TRAPS] })
  await expectAlwaysClean({ stage, runs: AUTO_RUNS, uses: anyUses, use: run })
  const { scrubSkippedCount } = stage.sharding.stats().shards['shard_0']?.writing ?? expect.fail()
  // To scrub after each lease would be clean, too.
  expect(scrubSkippedCount).toBeGreaterThan(AUTO_RUNS * 0.02)
  record(7, { name: 'builder', measured: 0, figure: 0, unit: `differences in ${AUTO_RUNS} cases`, met: true })
})
