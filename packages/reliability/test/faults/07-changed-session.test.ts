import { scaled } from '@sherd/local-servers/test-scale'
import fc from 'fast-check'
import { expect } from 'vitest'
import { record } from '../../src/record.ts'
import { test } from './support/fault-test.ts'
import { anyChanges, SESSION } from './support/session-changes.ts'

const RUNS = scaled(10_000)

test('fault 7: however a session is changed, the next borrower finds it as it was after connecting', {
  timeout: 600_000,
}, async ({ set }) => {
  const stage = await set({
    pool: { max: 1, checkoutTimeoutMs: 10_000 },
    schema: ['create table items (id int)', 'create sequence numbers', 'create schema other'],
  })
  const { db, connectedTo } = stage.sharding
  const role = `${new URL(stage.shards[0].url).pathname.slice(1)}_role`
  await stage.view.query(`create role ${role}`)
  await stage.view.query(`grant all on all tables in schema public to ${role}`)
  const session = () =>
    connectedTo(
      'shard_0',
      async () => (await db.raw(SESSION)).rows[0] as { pid: number } & Record<string, unknown>,
    )
  const { pid: first, ...baseline } = await session()
  let pid = first
  let kept = 0
  await fc.assert(
    fc.asyncProperty(anyChanges(role), async (changes) => {
      await connectedTo('shard_0', async () => {
        // What is refused may have changed something all the same.
        for (const change of changes) await db.raw(change).catch(() => {})
      })
      const { pid: next, ...found } = await session()
      if (next === pid) kept++
      pid = next
      expect(found).toEqual(baseline)
    }),
    { numRuns: RUNS },
  )
  // To close each connection would be clean, too.
  expect(kept).toBeGreaterThan(RUNS * 0.9)
  await stage.view.query(`drop owned by ${role}`)
  await stage.view.query(`drop role ${role}`)
  record(7, { measured: 0, figure: 0, unit: `differences in ${RUNS} cases`, met: true })
})
