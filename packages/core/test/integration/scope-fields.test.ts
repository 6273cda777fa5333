import { scopeFields } from '@sherd/core'
import { pino } from 'pino'
import { expect, vi } from 'vitest'
import { requestIdOf } from '../../src/adapter/request-id.ts'
import { runBound } from '../../src/scope/scope-storage.ts'
import { partsOf } from '../../src/sharding.ts'
import { engine, test } from '../support/engine.ts'
import { openSharding } from '../support/open-sharding.ts'

const url = await engine.createDatabase()

const open = () => openSharding({ one: { connection: url, tenants: ['acme'] } })

test("pino's lines have the fields of the scope that they are written in, and of no other", async () => {
  const lines: Record<string, unknown>[] = []
  const logger = pino({ mixin: scopeFields }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const sharding = open()
  await Promise.all([
    sharding.connectedToTenant('acme', async () => {
      logger.info('before')
      await sharding.db.raw('select 1')
      logger.info({ shard: 'mine' }, 'after')
    }),
    sharding.connectedTo('one', () => logger.info('without a tenant')),
  ])
  logger.info('outside')
  const fields = Object.fromEntries(lines.map(({ msg, shard, tenant }) => [msg, [shard, tenant]]))
  expect(fields).toEqual({
    before: ['one', 'acme'],
    after: ['mine', 'acme'],
    'without a tenant': ['one', undefined],
    outside: [undefined, undefined],
  })
})

test('console has them by a spread', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  const sharding = open()
  await sharding.connectedToTenant('acme', () => console.log({ ...scopeFields(), message: 'hello' }))
  expect(log).toHaveBeenCalledWith({ shard: 'one', tenant: 'acme', message: 'hello' })
  log.mockRestore()
  expect(scopeFields()).toEqual({})
})

test('the id of the request is that of the scope and of all inside of it', async () => {
  const { scopes } = partsOf(open())
  const scope = { shard: 'one', role: 'writing', preventWrites: false, locked: true } as const
  const { binding } = scopes.enter(scope, undefined, { requestId: () => 'req-7' })
  await runBound(binding, async () => {
    expect(scopeFields()).toEqual({ shard: 'one', requestId: 'req-7' })
    await scopes.connectedTo({ role: 'writing' }, () => expect(scopeFields().requestId).toBe('req-7'))
  })
  binding.rules.end()
})

test('a logger that throws harms no request', async () => {
  const logger = pino(
    { mixin: scopeFields },
    {
      write: () => {
        throw new Error('the disk is full')
      },
    },
  )
  const sharding = open()
  for (const event of ['scope:entered', 'lease:checked-out', 'lease:released', 'scope:left'] as const) {
    sharding.on(event, (message) => logger.info(message, event))
  }
  await expect(sharding.connectedTo('one', async () => 'answered')).resolves.toBe('answered')
})

test.each([
  ['what the framework gives', { requestId: () => 'req-1', headers: { 'x-request-id': 'other' } }, 'req-1'],
  ['a number', { requestId: () => 7, headers: {} }, '7'],
  ['the header, where there is nothing else', { headers: { 'x-request-id': 'abc-1' } }, 'abc-1'],
  ['the header of a fetch request', { headers: new Headers({ 'x-request-id': 'abc-2' }) }, 'abc-2'],
  ['nothing, for what could forge a line of a log', { headers: { 'x-request-id': 'a\nb' } }, undefined],
  ['nothing, for what has no end', { headers: { 'x-request-id': 'a'.repeat(201) } }, undefined],
  ['nothing, for an object', { requestId: () => ({}), headers: {} }, undefined],
])("a request's id is %s", (_what, parts, id) => {
  expect(requestIdOf({ method: 'GET', url: '/', ...parts })).toBe(id)
})
