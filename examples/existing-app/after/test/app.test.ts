import request, { type Test } from 'supertest'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApp } from '../src/app.ts'
import { tokenFor } from '../src/authenticate.ts'
import { close, migrate } from '../src/database.ts'

const app = createApp()

beforeAll(migrate)
afterAll(close)

/** As somebody of the tenant. */
function as(tenant: string, method: 'get' | 'post', path: string): Test {
  return request(app)
    [method](path)
    .set('x-tenant-id', tenant)
    .set('authorization', `Bearer ${tokenFor(tenant)}`)
}

const namesOf = async (tenant: string) =>
  (await as(tenant, 'get', '/projects').expect(200)).body.map(({ name }: { name: string }) => name)

test('anybody may ask for its health', async () => {
  await request(app).get('/health').expect(200, { status: 'ok' })
})

test('nobody gets in without a token, nor with that of another tenant', async () => {
  await request(app).get('/projects').set('x-tenant-id', 'acme').expect(401)
  await as('acme', 'get', '/projects').set('authorization', 'Bearer x').expect(401)
  await as('acme', 'get', '/projects').set('x-tenant-id', 'globex').expect(403, { error: 'forbidden' })
})

test('each tenant has its own projects', async () => {
  const before = await namesOf('acme')
  const { body } = await as('acme', 'post', '/projects').send({ name: 'Anvil' }).expect(201)
  expect(body).toMatchObject({ tenant: 'acme', name: 'Anvil', done: false })
  await as('globex', 'post', '/projects').send({ name: 'Hammocks' }).expect(201)
  await as('initech', 'post', '/projects').send({ name: 'TPS reports' }).expect(201)
  expect(await namesOf('acme')).toEqual([...before, 'Anvil'])
  expect(await namesOf('globex')).toEqual(['Hammocks'])
  expect(await namesOf('initech')).toEqual(['TPS reports'])
})

test('a project is finished once: the second time changes nothing', async () => {
  const { body } = await as('umbrella', 'post', '/projects').send({ name: 'Hive' }).expect(201)
  const finish = () => as('umbrella', 'post', `/projects/${body.id}/finish`)
  await finish().expect(200, { ...body, done: true })
  await finish().expect(500, { error: 'finished before' })
  await as('umbrella', 'get', '/counts').expect(200, { all: 1, done: 1, events: 1 })
})

test("another tenant's project cannot be finished", async () => {
  const { body } = await as('acme', 'post', '/projects').send({ name: 'Seeds' }).expect(201)
  await as('globex', 'post', `/projects/${body.id}/finish`).expect(404)
})

test('names are streamed in order', async () => {
  for (const name of ['Nexus 6', 'Owl']) await as('tyrell', 'post', '/projects').send({ name }).expect(201)
  const { text } = await as('tyrell', 'get', '/names.txt').expect(200)
  expect(text).toBe('Nexus 6\nOwl\n')
})

test('many at once are served right', async () => {
  const names = Array.from({ length: 30 }, (_, number) => `Project ${number}`)
  await Promise.all(names.map((name) => as('hooli', 'post', '/projects').send({ name }).expect(201)))
  expect((await namesOf('hooli')).sort()).toEqual(names.sort())
  await as('hooli', 'get', '/counts').expect(200, { all: 30, done: 0, events: 0 })
})

test('a mistake in the data is an error, and nothing is left of it', async () => {
  await as('stark', 'post', '/projects').send({}).expect(500)
  expect(await namesOf('stark')).toEqual([])
})
