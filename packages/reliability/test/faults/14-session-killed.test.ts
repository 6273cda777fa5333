import { expect } from 'vitest'
import { record } from '../../src/record.ts'
import { test } from './support/fault-test.ts'

for (const framework of ['Express', 'Fastify'] as const) {
  for (const kill of ['pg_terminate_backend', 'reset'] as const) {
    test(`fault 14: a session killed by ${kill} while its handler does something else is an error at the next query (${framework})`, async ({
      set,
    }) => {
      let reached!: (pid: number) => void
      let goOn!: () => void
      const stage = await set({
        framework,
        pool: { max: 1 },
        routes: (db) => ({
          '/': async () => {
            const { rows } = await db.raw('select pg_backend_pid() as pid')
            const killed = new Promise<void>((resolve) => {
              goOn = resolve
            })
            reached(rows[0].pid)
            await killed
            return (await db.raw('select 1 as one')).rows
          },
          '/next': async () => (await db.raw('select pg_backend_pid() as pid')).rows[0].pid,
        }),
      })
      const inside = new Promise<number>((resolve) => {
        reached = resolve
      })
      const asked = stage.ask('/')
      const pid = await inside
      if (kill === 'reset') stage.proxy.reset()
      else await stage.view.query('select pg_terminate_backend($1, 5000)', [pid])
      goOn()
      const { status, body } = await asked
      expect([status, body.code]).toEqual([503, 'SHARD_ERR_CONNECTION_LOST'])
      const next = await stage.ask('/next')
      expect(next.status).toBe(200)
      expect(next.body).not.toBe(pid)
      record(14, {
        name: `${kill} ${framework}`,
        measured: 0,
        figure: 0,
        unit: 'uncaught exceptions',
        met: true,
      })
    })
  }
}
