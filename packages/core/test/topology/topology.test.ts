import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/config/load-config.ts'
import { createTopology } from '../../src/topology/topology.ts'

const config = loadConfig(
  {
    defaults: { client: 'pg', session: { search_path: 'app' }, knex: { debug: false } },
    shards: {
      shard_1: { connection: 'postgres://one/d', pool: { max: 7 } },
      shard_0: {
        connection: 'postgres://zero/d',
        scrub: 'never',
        replicas: [{ connection: 'postgres://r0/d' }, { connection: 'postgres://r1/d', pool: { max: 3 } }],
      },
    },
  },
  {},
)

describe('createTopology', () => {
  it('has the shards in file order, each with its primary and its replicas', () => {
    const { version, shards } = createTopology(config)
    expect(version).toBe(1)
    expect([...shards.keys()]).toEqual(['shard_1', 'shard_0'])
    const shard = shards.get('shard_0')
    expect(shard?.config).toBe(config.shards.get('shard_0'))
    expect(shard?.primary).toMatchObject({
      id: 'shard_0',
      shard: 'shard_0',
      kind: 'primary',
      client: 'pg',
      scrub: 'never',
    })
    expect(shard?.replicas.map(({ id, kind, pool }) => [id, kind, pool.max])).toEqual([
      ['shard_0/replica-0', 'replica', 10],
      ['shard_0/replica-1', 'replica', 3],
    ])
    expect(shard?.replicas.map(({ connection }) => connection)).toEqual([
      'postgres://r0/d',
      'postgres://r1/d',
    ])
    expect(shards.get('shard_1')?.primary).toMatchObject({
      pool: { max: 7 },
      session: { search_path: 'app' },
    })
  })

  it('gives every endpoint an id of its own', () => {
    const endpoints = [...createTopology(config).shards.values()].flatMap(({ primary, replicas }) => [
      primary,
      ...replicas,
    ])
    expect(new Set(endpoints.map(({ id }) => id)).size).toBe(endpoints.length)
  })

  it('bears the version that it is given', () => {
    expect(createTopology(config, 7).version).toBe(7)
  })

  it('cannot be changed', () => {
    const topology = createTopology(config)
    const shard = topology.shards.get('shard_0')
    for (const part of [topology, shard, shard?.primary, shard?.replicas, shard?.replicas[0]]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
    expect(() => (topology.shards as Map<string, unknown>).clear()).toThrow(TypeError)
  })
})
