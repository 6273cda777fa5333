import { fromClient } from '@sherd/fault-proxy'
import { bound, isLong } from '@sherd/local-servers/test-scale'
import { expect } from 'vitest'
import { record } from '../../src/record.ts'
import { test } from './support/fault-test.ts'
import { firstSuccess } from './support/first-success.ts'
import { Load } from './support/load.ts'
import { OTHER_TENANT } from './support/stage.ts'

const SECONDS = isLong ? 30 : 3

test('fault 16: a password that has been changed is not tried in a storm, and works once it is known', async ({
  set,
}) => {
  let password = 'first'
  const stage = await set({
    server: {},
    routes: (db) => ({ '/': async () => (await db.raw('select 1 as one')).rows[0].one }),
    shard: (url) => ({
      connection: () => Object.assign(new URL(url), { username: 'rotated', password }).href,
    }),
  })
  await stage.view.query(`create role rotated login password 'first'`)
  expect((await stage.ask('/')).status).toBe(200)

  await stage.view.query(`alter role rotated password 'second'`)
  const attempts = stage.proxy.count(fromClient('StartupMessage'))
  stage.proxy.reset()
  const load = new Load(5, () => stage.ask('/'))
  const others = new Load(1, () => stage.ask('/', { tenant: OTHER_TENANT }))
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000))
  const answers = await load.stop()
  const neighbours = await others.stop()
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]))
  expect(new Set(neighbours.map(({ status }) => status))).toEqual(new Set([200]))
  const perSecond = attempts.count / SECONDS
  // Those that were under way when the first was refused are one attempt.
  expect(attempts.count).toBeLessThanOrEqual(5 + SECONDS)
  record(16, {
    measured: perSecond,
    figure: 1,
    unit: 'attempts a second',
    met: attempts.count <= 5 + SECONDS,
  })

  password = 'second'
  expect(await firstSuccess(() => stage.ask('/'))).toBeLessThan(bound(1000))
})
