import { expect } from 'vitest'
import { record } from '../../src/record.ts'
import { test } from './support/fault-test.ts'
import { firstSuccess } from './support/first-success.ts'
import { Load } from './support/load.ts'
import { OTHER_TENANT } from './support/stage.ts'
import { View } from './support/view.ts'

for (const framework of ['Express', 'Fastify'] as const) {
  test(`fault 19: one shard's server is killed under load, and no request of another fails (${framework})`, async ({
    set,
  }) => {
    const stage = await set({
      framework,
      server: {},
      routes: (db) => ({ '/': async () => (await db.raw('select 1 as one')).rows[0].one }),
    })
    const dying = new Load(3, () => stage.ask('/'))
    const living = new Load(5, () => stage.ask('/', { tenant: OTHER_TENANT }))
    await Promise.all([dying.served(30), living.served(30)])
    await stage.server.kill()
    await dying.until(30, ({ status }) => status === 503)
    await living.served(100)
    await stage.server.restart()
    await firstSuccess(() => stage.ask('/'))
    await dying.stop()
    const failed = (await living.stop()).filter(({ status }) => status !== 200)
    expect(failed).toEqual([])
    await using view = await View.open(stage.shards[0].url)
    expect((await view.sessions()).length).toBeLessThanOrEqual(stage.pool().max)
    record(19, {
      name: framework,
      measured: failed.length,
      figure: 0,
      unit: 'errors on the other shard',
      met: true,
    })
  })
}
