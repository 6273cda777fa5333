import { TenantMissingError, TenantUnknownError } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import type { EachBatchHandler, EachBatchPayload, EachMessagePayload, KafkaMessage } from 'kafkajs'
import { expect, test } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { errorOf } from '../support/error-of.ts'
import { openTenants } from './open-tenants.ts'

const databases = { one: await createDatabase(), two: await createDatabase() }

function kafkaMessage(offset: number, tenant: string | undefined): KafkaMessage {
  return {
    key: null,
    value: Buffer.from(`value ${offset}`),
    timestamp: '0',
    attributes: 0,
    offset: String(offset),
    ...(tenant === undefined ? { headers: {} } : { headers: { tenant: Buffer.from(tenant) } }),
  }
}

function messagePayload(message: KafkaMessage): EachMessagePayload {
  return { topic: 'readings', partition: 0, message, heartbeat: async () => {}, pause: () => () => {} }
}

/** A batch as the consumer hands it over, and the offsets that were resolved. */
function batchPayload(messages: KafkaMessage[]) {
  const resolved: string[] = []
  let heartbeats = 0
  const payload: EachBatchPayload = {
    batch: {
      topic: 'readings',
      partition: 0,
      highWatermark: String(messages.length),
      messages,
      isEmpty: () => messages.length === 0,
      firstOffset: () => messages[0]?.offset ?? null,
      lastOffset: () => messages.at(-1)?.offset ?? '',
      offsetLag: () => '0',
      offsetLagLow: () => '0',
    },
    resolveOffset: (offset) => resolved.push(offset),
    heartbeat: async () => {
      heartbeats++
    },
    pause: () => () => {},
    commitOffsetsIfNecessary: async () => {},
    uncommittedOffsets: () => ({ topics: [] }),
    isRunning: () => true,
    isStale: () => false,
  }
  return { payload, resolved, heartbeats: () => heartbeats }
}

const tenantOf = ({ headers }: KafkaMessage) => headers?.['tenant']?.toString()

test('eachMessage runs each message in the scope of its tenant', async () => {
  const { sharding, nothingLent } = openTenants(databases)
  const seen: unknown[] = []
  const eachMessage = sharding.shardedJob(
    ({ message }: EachMessagePayload) => tenantOf(message),
    async ({ message }) => {
      await sharding.db.raw('select 1')
      seen.push([message.offset, sharding.currentScope()?.tenant, sharding.currentScope()?.shard])
    },
  )
  await eachMessage(messagePayload(kafkaMessage(1, 'a')))
  await eachMessage(messagePayload(kafkaMessage(2, 'c')))
  expect(seen).toEqual([
    ['1', 'a', 'one'],
    ['2', 'c', 'two'],
  ])
  // kafkajs delivers again what was rejected.
  expect(await errorOf(() => eachMessage(messagePayload(kafkaMessage(3, undefined))))).toBeInstanceOf(
    TenantMissingError,
  )
  expect(await errorOf(() => eachMessage(messagePayload(kafkaMessage(4, 'nobody'))))).toBeInstanceOf(
    TenantUnknownError,
  )
  expect(seen).toHaveLength(2)
  await nothingLent()
})

test('eachBatch takes one connection a shard and resolves what was handled before the first failure', async () => {
  const { sharding, nothingLent } = openTenants(databases)
  const pids = new Map<string, Set<number>>()
  const store = sharding.shardedBatch(
    tenantOf,
    async (message: KafkaMessage, heartbeat: EachBatchPayload['heartbeat']) => {
      const { shard } = sharding.requireScope()
      pids.set(shard, (pids.get(shard) ?? new Set()).add(await backendPid(sharding.db)))
      await heartbeat()
      return message.offset
    },
  )
  const eachBatch: EachBatchHandler = async ({ batch, resolveOffset, heartbeat }) => {
    for (const outcome of await store.settled(batch.messages, heartbeat)) {
      if (outcome.status === 'rejected') throw outcome.reason
      resolveOffset(outcome.message.offset)
    }
  }

  const tenants = ['a', 'c', 'b', 'a', 'c', 'b']
  const all = batchPayload(tenants.map((tenant, offset) => kafkaMessage(offset, tenant)))
  await eachBatch(all.payload)
  expect(all.resolved).toEqual(['0', '1', '2', '3', '4', '5'])
  expect(all.heartbeats()).toBe(6)
  expect([pids.get('one')?.size, pids.get('two')?.size]).toEqual([1, 1])

  const some = batchPayload(['a', 'c', 'nobody', 'b'].map((tenant, offset) => kafkaMessage(offset, tenant)))
  expect(await errorOf(() => eachBatch(some.payload))).toBeInstanceOf(TenantUnknownError)
  expect(some.resolved).toEqual(['0', '1'])
  expect(some.heartbeats()).toBe(3)
  await nothingLent()
})
