import { scopeFields } from '@sherd/core'
import { shardPlugin } from '@sherd/fastify'
import { expect, test } from 'vitest'
import { ACME, create, HEADER, openShard } from './support/application.ts'

test("the id of a request is Fastify's own", async () => {
  const app = create()
  await app.register(shardPlugin, { sharding: openShard(), ...HEADER })
  app.get('/', async (request) => ({ ...scopeFields(), given: request.id }))
  const { given, ...fields } = (await app.inject({ url: '/', headers: ACME })).json()
  expect(fields).toEqual({ shard: 'shard_0', tenant: 'acme', requestId: given })
})
