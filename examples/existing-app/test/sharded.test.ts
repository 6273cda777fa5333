import { connectedTo, db } from '@sherd/core'
import request from 'supertest'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApp } from '../after/src/app.ts'
import { tokenFor } from '../after/src/authenticate.ts'
import { close, migrate } from '../after/src/database.ts'

const app = createApp()

beforeAll(migrate)
afterAll(close)

const add = (tenant: string, name: string) =>
  request(app)
    .post('/projects')
    .set({ 'x-tenant-id': tenant, authorization: `Bearer ${tokenFor(tenant)}` })
    .send({ name })

test('each tenant’s rows are on its own shard alone', async () => {
  await add('acme', 'Anvil').expect(201)
  await add('initech', 'TPS reports').expect(201)
  const rowsOn = (shard: string) => connectedTo(shard, () => db('projects').select('tenant', 'name'))
  expect(await rowsOn('shard_0')).toEqual([{ tenant: 'acme', name: 'Anvil' }])
  expect(await rowsOn('shard_1')).toEqual([{ tenant: 'initech', name: 'TPS reports' }])
})

test('a tenant of no shard gets 404, although its token is good', async () => {
  const { body } = await add('nobody', 'Nothing').expect(404)
  expect(body).toMatchObject({ code: 'SHARD_ERR_TENANT_UNKNOWN' })
})
