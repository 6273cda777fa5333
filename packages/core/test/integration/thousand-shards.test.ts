import { createSharding } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { expect, onTestFinished, test } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { ServerView } from '../support/server-view.ts'

const url = await createDatabase()

test('a thousand shards: the first query opens one connection, of its own shard, and no timer for any other', async () => {
  const countOf = (kind: string) => process.getActiveResourcesInfo().filter((name) => name === kind).length
  const view = await ServerView.open(url)
  const [timersBefore, socketsBefore] = [countOf('Timeout'), countOf('TCPSocketWrap')]

  const shards = Object.fromEntries(
    Array.from({ length: 1000 }, (_, index) => [
      `shard_${index}`,
      index === 500
        ? { connection: url, tenants: ['tenant_500'], pool: { min: 0 } }
        : { connection: 'postgres://u@127.0.0.1:1/none', tenants: [`tenant_${index}`] },
    ]),
  )
  const since = performance.now()
  const sharding = createSharding({ config: { defaults: { client: 'pg', pool: { min: 2 } }, shards } })
  onTestFinished(() => sharding.close({ deadlineMs: 0 }))
  expect(performance.now() - since).toBeLessThan(10_000)
  expect(countOf('Timeout')).toBe(timersBefore)

  const pid = await sharding.connectedToTenant('tenant_500', () => backendPid(sharding.db))
  expect((await view.sessions()).map((session) => session.pid)).toEqual([pid])
  expect(countOf('TCPSocketWrap') - socketsBefore).toBeLessThanOrEqual(1)
  expect(countOf('Timeout') - timersBefore).toBeLessThanOrEqual(1)
  const opened = Object.entries(sharding.stats().shards).filter(([, { writing }]) => writing.total > 0)
  expect(opened.map(([name]) => name)).toEqual(['shard_500'])
})
