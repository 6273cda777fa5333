import request from 'supertest'
import { expect, test } from 'vitest'
import { createApp } from '../src/app.ts'
import { useShards } from './shards.ts'

const sharding = await useShards()
const app = createApp()

test.each(['objection', 'kysely', 'drizzle'])(
  '/%s answers each tenant with its own rows, at once',
  async (orm) => {
    const tenants = ['acme', 'globex', 'initech', 'acme', 'globex', 'initech']
    const answers = await Promise.all(
      tenants.map((tenant) => request(app).get(`/${orm}`).set('x-tenant-id', tenant).expect(200)),
    )
    expect(answers.map(({ body }) => body)).toMatchObject(tenants.map((tenant) => [{ tenant }]))
    for (const { writing } of Object.values(sharding.stats().shards)) expect(writing.total).toBe(1)
  },
)
