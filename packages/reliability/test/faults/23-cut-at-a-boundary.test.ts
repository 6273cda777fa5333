import { fromServer, statement } from '@sherd/fault-proxy'
import { bound } from '@sherd/local-servers/test-scale'
import { expect, vi } from 'vitest'
import { record } from '../../src/record.ts'
import { test } from './support/fault-test.ts'

const COMMIT = statement(/^commit/i)
const ROLLBACK = statement(/^rollback/i)
const SCRUB = statement(/^discard all/i)
const ANSWER = fromServer('CommandComplete')
const READY = fromServer('ReadyForQuery')

const schema = ['create table written (n int)']

for (const [when, boundary] of [
  ['before it', { before: SCRUB }],
  ['before its answer', { after: SCRUB, before: ANSWER }],
  ['before the server is ready', { after: SCRUB, before: READY }],
] as const) {
  for (const how of ['reset', 'hold'] as const) {
    test(`fault 23: a connection cut during its reset, ${when} (${how}), is closed and never lent`, async ({
      set,
    }) => {
      const stage = await set({
        pool: { max: 2 },
        routes: (db) => ({
          '/': async () =>
            (await db.raw(`select pg_backend_pid() as pid, set_config('app.mark', 'left', false)`)).rows[0]
              .pid,
          '/next': async () =>
            (await db.raw(`select pg_backend_pid() as pid, current_setting('app.mark', true) as mark`))
              .rows[0],
        }),
      })
      const cut = stage.proxy.cut(boundary, { how })
      const first = await stage.ask('/')
      expect(first.status).toBe(200)
      await cut.happened
      const next = await stage.ask('/next', { tenant: 'globex' })
      expect([next.status, next.body.code]).toEqual([200, undefined])
      expect(next.body.pid).not.toBe(first.body)
      expect(next.body.mark).toBeNull()
      await vi.waitFor(() => expect(stage.pool()).toMatchObject({ total: 1, active: 0 }), {
        timeout: bound(1500),
      })
      cut.heal()
    })
  }
}

for (const [when, boundary] of [
  ['before it', { before: ROLLBACK }],
  ['before its answer', { after: ROLLBACK, before: ANSWER }],
] as const) {
  test(`fault 23: a connection cut during ROLLBACK, ${when}, is closed, and nothing is written`, async ({
    set,
  }) => {
    const stage = await set({
      schema,
      pool: { max: 1 },
      routes: (db) => ({
        '/': () =>
          db.transaction(async () => {
            await db('written').insert({ n: 1 })
            throw Object.assign(new Error('changed my mind'), { code: 'CHANGED' })
          }),
        '/next': async () => (await db('written').count('* as count'))[0],
      }),
    })
    const cut = stage.proxy.cut(boundary)
    expect((await stage.ask('/', { method: 'POST' })).body).toEqual({ code: 'CHANGED' })
    await cut.happened
    expect((await stage.ask('/next')).body).toEqual({ count: '0' })
  })
}

for (const [when, boundary, written] of [
  ['before it', { before: COMMIT }, 0],
  ['after it', { after: COMMIT }, 1],
  ['before its answer', { after: COMMIT, before: ANSWER }, 1],
  ['before the server is ready', { after: COMMIT, before: READY }, 1],
] as const) {
  for (const framework of ['Express', 'Fastify'] as const) {
    test(`fault 23: a COMMIT cut ${when} is reported as unknown, and never sent again (${framework})`, async ({
      set,
    }) => {
      const stage = await set({
        framework,
        schema,
        routes: (db) => ({
          '/': () =>
            db.transaction(() =>
              db('written')
                .insert({ n: 1 })
                .then(() => 'written'),
            ),
        }),
      })
      const cut = stage.proxy.cut(boundary)
      const commits = stage.proxy.count(COMMIT)
      const { status, body } = await stage.ask('/', { method: 'POST' })
      await cut.happened
      expect([status, body.code]).toEqual([500, 'SHARD_ERR_COMMIT_UNKNOWN'])
      // The server has finished with the session: only now it is decided.
      await vi.waitFor(async () => expect(await stage.view.sessions()).toEqual([]), { timeout: bound(500) })
      expect(await stage.view.query('select n from written')).toHaveLength(written)
      expect(commits.count).toBe(written)
      record(23, { name: `${when} ${framework}`, measured: 0, figure: 0, unit: 'writes twice', met: true })
    })
  }
}
