import { TenantUnknownError } from '@sherd/core'
import { expect, test } from 'vitest'
import { firstProjects } from '../src/first-projects.ts'
import { openProjects, removeDoneProjects } from '../src/jobs.ts'
import { useShards } from './shards.ts'

const sharding = await useShards()

test('housekeeping removes what is done on its shard, and nothing elsewhere', async () => {
  const { shard, removed } = await removeDoneProjects('shard_1')
  expect(shard).toBe('shard_1')
  expect(removed).toHaveLength(2)
  expect(removed).toContainEqual({ tenant: 'initech', name: 'TPS reports' })
  expect(removed).toContainEqual({ tenant: 'umbrella', name: 'Raccoon City' })

  expect(await removeDoneProjects('shard_1')).toMatchObject({ removed: [] })
  expect(await removeDoneProjects('shard_2')).toMatchObject({ removed: { length: 2 } })
})

test.each(Object.keys(firstProjects))('%s is reminded of its open projects', async (tenant) => {
  expect(await openProjects(tenant)).toMatchObject({
    shard: await sharding.shardFor(tenant),
    open: firstProjects[tenant]?.slice(1),
  })
})

test('a job for an unknown tenant is refused', async () => {
  await expect(openProjects('nobody')).rejects.toThrow(TenantUnknownError)
})
