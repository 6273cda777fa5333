import { expect, it } from 'vitest'
import type { ConfigObject } from '../../src/config/config-object.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { compareTopologies } from '../../src/topology/compare-topologies.ts'
import { createTopology } from '../../src/topology/topology.ts'

type Shards = Exclude<ConfigObject['shards'], string>

const CONNECTION = { host: 'h', password: 'p', ssl: { ca: Buffer.from('ca') } }

function change(before: Shards, after: Shards) {
  const first = createTopology(loadConfig({ defaults: { client: 'pg' }, shards: before }, {}))
  const second = createTopology(loadConfig({ defaults: { client: 'pg' }, shards: after }, {}), 2, first)
  return { ...compareTopologies(first, second), first, second }
}

it('tells which shards come, go, and are connected to in another way', () => {
  const url = 'postgres://h/d'
  const found = change(
    { gone: { connection: url }, kept: { connection: url }, other: { connection: url } },
    { new: { connection: url }, kept: { connection: url }, other: { connection: 'postgres://h/e' } },
  )
  expect(found).toMatchObject({ added: ['new'], changed: ['other'], removed: ['gone'] })
  expect(found.second.shards.get('kept')?.primary).toBe(found.first.shards.get('kept')?.primary)
})

it.each([
  ['a password', { connection: { ...CONNECTION, password: 'q' } }],
  ['a certificate', { connection: { ...CONNECTION, ssl: { ca: Buffer.from('cb') } } }],
  ['a limit of the pool', { connection: CONNECTION, pool: { max: 3 } }],
  ['the breaker', { connection: CONNECTION, breaker: null }],
  ['a setting of the session', { connection: CONNECTION, session: { role: 'r' } }],
  ['a replica', { connection: CONNECTION, replicas: [{ connection: CONNECTION }] }],
  ['a function', { connection: CONNECTION, afterCreate: () => {} }],
])('%s is a change of its shard', (_what, after) => {
  expect(change({ a: { connection: CONNECTION } }, { a: after }).changed).toEqual(['a'])
})

it('the same said again, and who lives there, are none', () => {
  const connection = () => CONNECTION
  const shard = { connection, knex: { debug: false }, replicas: [{ connection: { ...CONNECTION } }] }
  const again = {
    ...shard,
    tenants: ['acme'],
    replicas: [{ connection: { ...CONNECTION, ssl: { ca: Buffer.from('ca') } } }],
  }
  expect(change({ a: shard }, { a: again })).toMatchObject({ added: [], changed: [], removed: [] })
})

it('a replica keeps its place when its primary is another one', () => {
  const replicas = [{ connection: 'postgres://r/d' }]
  const { changed, first, second } = change(
    { a: { connection: 'postgres://h/d', replicas } },
    { a: { connection: 'postgres://i/d', replicas } },
  )
  expect(changed).toEqual(['a'])
  expect(second.shards.get('a')?.replicas[0]).toBe(first.shards.get('a')?.replicas[0])
})
