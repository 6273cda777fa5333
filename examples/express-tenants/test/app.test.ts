import { connectedTo, connectedToTenant, db } from '@sherd/core'
import { failShard } from '@sherd/core/testing'
import request from 'supertest'
import { expect, test } from 'vitest'
import { createApp } from '../src/app.ts'
import { firstProjects } from '../src/first-projects.ts'
import { useShards } from './shards.ts'

const sharding = await useShards()
const app = createApp(sharding)

const projectsOf = (tenant: string) => request(app).get('/projects').set('x-tenant-id', tenant)
const namesIn = (body: { projects: { name: string }[] }) => body.projects.map(({ name }) => name)

test.each([
  ['acme', 'shard_0'],
  ['globex', 'shard_0'],
  ['initech', 'shard_1'],
  ['umbrella', 'shard_1'],
  ['hooli', 'shard_2'],
  ['tyrell', 'shard_2'],
])('%s finds its projects on %s', async (tenant, shard) => {
  const { body } = await projectsOf(tenant).expect(200)
  expect(body).toMatchObject({ shard, backend: expect.any(Number) })
  expect(namesIn(body)).toEqual(firstProjects[tenant])
})

test('a new project is seen by its tenant alone, and told of in its events', async () => {
  const added = await request(app)
    .post('/projects')
    .set('x-tenant-id', 'globex')
    .send({ name: 'Lemon tree' })
    .expect(201)
  expect(added.body).toMatchObject({ shard: 'shard_0', project: { name: 'Lemon tree' } })

  expect(namesIn((await projectsOf('globex')).body)).toContain('Lemon tree')
  expect(namesIn((await projectsOf('acme')).body)).not.toContain('Lemon tree')
  const events = await connectedToTenant('globex', () => db('events').select('tenant', 'what'))
  expect(events).toEqual([{ tenant: 'globex', what: 'added Lemon tree' }])
})

test('a project whose event cannot be written is not added', async () => {
  // For this test alone, as everything that a test does.
  await connectedTo('shard_0', () => db.raw('alter table events add constraint none check (false)'))
  await request(app).post('/projects').set('x-tenant-id', 'acme').send({ name: 'Anvil 2' }).expect(500)
  expect(namesIn((await projectsOf('acme')).body)).toEqual(firstProjects['acme'])
})

test.each([
  ['without a name', {}],
  ['with an empty name', { name: '' }],
  ['with a number for a name', { name: 7 }],
  ['with an endless name', { name: 'x'.repeat(201) }],
])('a project %s is not added', async (_, project) => {
  await request(app).post('/projects').set('x-tenant-id', 'acme').send(project).expect(400)
})

test.each([
  ['unknown', 404, 'SHARD_ERR_TENANT_UNKNOWN', 'nobody'],
  ['endless', 400, 'SHARD_ERR_TENANT_INVALID', 'x'.repeat(300)],
  ['empty', 400, 'SHARD_ERR_TENANT_INVALID', ''],
  ['second', 400, 'SHARD_ERR_TENANT_INVALID', ['acme', 'globex']],
])('%s tenant id: %i %s', async (_, status, code, tenant) => {
  const { body } = await request(app)
    .get('/projects')
    .set({ 'x-tenant-id': tenant as string })
    .expect(status)
    .expect('content-type', /^application\/problem\+json/)
  expect(body).toMatchObject({ code })
})

test('only what stands before the middleware is served without a tenant', async () => {
  await request(app).get('/health/live').expect(200, { status: 'alive' })
  await request(app).get('/health/ready').expect(200, { status: 'ready' })
  const { body: health } = await request(app).get('/health/shards').expect(200)
  expect(Object.keys(health.shards)).toEqual(['shard_0', 'shard_1', 'shard_2'])
  const { body: stats } = await request(app).get('/stats').expect(200)
  expect(Object.keys(stats.shards)).toEqual(['shard_0', 'shard_1', 'shard_2'])
  const { body } = await request(app).get('/projects').expect(400)
  expect(body).toMatchObject({ code: 'SHARD_ERR_TENANT_MISSING' })
})

test('a report waits as long as it is told, within limits', async () => {
  const report = (seconds: string) =>
    request(app).get('/report').query({ seconds }).set('x-tenant-id', 'tyrell')
  const { body } = await report('0.1').expect(200)
  expect(body).toMatchObject({ shard: 'shard_2', done: ['Nexus 6'] })
  for (const seconds of ['-1', '6', 'long']) await report(seconds).expect(400)
})

test('a saturated shard answers 503, and the others serve', async () => {
  {
    using _ = failShard(sharding, 'shard_0', 'checkout-timeout')
    const [get, post, hooli] = await Promise.all([
      projectsOf('acme'),
      request(app).post('/projects').set('x-tenant-id', 'globex').send({ name: 'Lemon tree' }),
      projectsOf('hooli'),
    ])
    for (const refused of [get, post]) {
      expect(refused.status).toBe(503)
      expect(refused.headers['retry-after']).toMatch(/^[1-9]\d*$/)
      expect(refused.body).toMatchObject({ code: 'SHARD_ERR_CHECKOUT_TIMEOUT', shard: 'shard_0' })
    }
    expect(hooli.status).toBe(200)
  }
  await projectsOf('acme').expect(200)
})
