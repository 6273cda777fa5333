import { statement } from '@sherd/fault-proxy'
import { bound } from '@sherd/local-servers/test-scale'
import { expect } from 'vitest'
import { record } from '../../src/record.ts'
import { test } from './support/fault-test.ts'

const STATUS = `select pg_backend_pid() as pid, pg_current_xact_id_if_assigned() is null as is_idle`

for (const [what, begin] of [
  ['left open', ['begin', 'insert into written values (1)']],
  ['that has failed', ['begin', 'insert into written values (1)', 'select 1/0']],
] as const) {
  for (const isAnswered of [true, false]) {
    const fate = isAnswered ? 'rolled back' : 'given up after 250 ms, if ROLLBACK gets no answer'
    test(`fault 6: a transaction ${what} is ${fate}, and the next borrower is in none`, async ({ set }) => {
      const stage = await set({
        schema: ['create table written (n int)'],
        pool: { max: 1, checkoutTimeoutMs: 10_000 },
        routes: (db) => ({
          '/': async () => {
            for (const sql of begin) await db.raw(sql).catch(() => {})
            return (await db.raw('select pg_backend_pid() as pid').catch(() => ({ rows: [{}] }))).rows[0].pid
          },
          '/next': async () => {
            const { rows } = await db.raw(STATUS)
            return { ...rows[0], written: (await db('written').select()).length }
          },
        }),
      })
      const hold = isAnswered
        ? undefined
        : stage.proxy.cut({ after: statement(/^rollback/i) }, { how: 'hold' })
      const { body: pid } = await stage.ask('/', { method: 'POST' })
      const next = await stage.ask('/next', { tenant: 'globex' })
      expect(next).toMatchObject({ status: 200, body: { is_idle: true, written: 0 } })
      if (isAnswered && pid !== undefined) expect(next.body.pid).toBe(pid)
      if (!isAnswered) {
        expect(next.body.pid).not.toBe(pid)
        expect(next.ms).toBeLessThan(bound(250))
      }
      hold?.heal()
      const name = `${what}, ${fate}`
      record(6, { name, measured: 0, figure: 0, unit: 'next borrowers in a transaction', met: true })
    })
  }
}
