import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { LeaseLeakedMessage, LeaseRecoveredMessage } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { expect, onTestFinished, test } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { deferred } from '../support/deferred.ts'
import { openSharding } from '../support/open-sharding.ts'
import { until } from '../support/until.ts'

const url = await createDatabase()

/** What is published on a channel until the current test has finished. */
function messagesOf<T>(channel: string): T[] {
  const messages: T[] = []
  const listen = (message: unknown) => void messages.push(message as T)
  subscribe(channel, listen)
  onTestFinished(() => void unsubscribe(channel, listen))
  return messages
}

function open() {
  const sharding = openSharding({
    one: { connection: url, tenants: ['acme'], pool: { max: 2, leakThresholdMs: 100 } },
  })
  return { sharding, db: sharding.db, lent: () => sharding.stats().shards['one']?.writing.active }
}

test('L9: a job that hangs is reported with its name, never with its tenant, and once more when it settles', async () => {
  const leaked = messagesOf<LeaseLeakedMessage>('sherd:lease:leaked')
  const recovered = messagesOf<LeaseRecoveredMessage>('sherd:lease:recovered')
  const { sharding, db, lent } = open()
  const hangs = deferred()
  const job = sharding.shardedJob(
    ({ tenant }: { tenant: string }) => tenant,
    async function sendInvoices() {
      const pid = await backendPid(db)
      await hangs.promise
      return pid
    },
  )
  const working = job({ tenant: 'acme' })
  await until(() => leaked.length > 0)
  const about = { shard: 'one', role: 'writing', holder: expect.stringContaining('sendInvoices') }
  expect(leaked).toEqual([expect.objectContaining(about)])
  expect(leaked[0]?.heldMs).toBeGreaterThanOrEqual(100)
  expect(JSON.stringify(leaked)).not.toContain('acme')
  expect(recovered).toEqual([])
  // What is reported goes on as before.
  expect(lent()).toBe(1)
  hangs.resolve()
  expect(await working).toEqual(expect.any(Number))
  await until(() => recovered.length > 0)
  expect(recovered).toEqual([expect.objectContaining(about)])
  await until(() => lent() === 0)
  expect(leaked).toHaveLength(1)
})

test('L9: a job that gives its connection back while it waits is no leak, however long it takes', async () => {
  const leaked = messagesOf<LeaseLeakedMessage>('sherd:lease:leaked')
  const { sharding, db } = open()
  const goOn = deferred()
  const job = sharding.shardedJob(
    () => 'acme',
    async function callsOthers() {
      await db.raw('select 1')
      await sharding.releaseConnection()
      await goOn.promise
      await db.raw('select 1')
    },
  )
  const hangs = deferred()
  // The reports of the two are told by the same deadlines: when the other's has come, this one's would have.
  const working = job()
  const other = sharding.connectedTo('one', function leaksInstead() {
    return hangs.promise
  })
  await until(() => leaked.length > 0)
  expect(leaked.filter(({ holder }) => holder.includes('callsOthers'))).toEqual([])
  hangs.resolve()
  goOn.resolve()
  await Promise.all([working, other])
})
