import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/config/load-config.ts'
import { createTopology } from '../../src/topology/topology.ts'
import { inEmptyFolder, refusalError, write } from './in-folder.ts'

inEmptyFolder()

const SHARDS = 1000

function shardFile(index: number): string {
  const tenants = Array.from({ length: 20 }, (_, tenant) => `tenant-${index}-${tenant}`)
  return `connection: \${DATABASE}/shard_${index}\npool:\n  max: \${POOL_MAX}\ntenants: [${tenants.join(', ')}]\n`
}

describe('a thousand shard files', () => {
  it('load and become a topology within seconds, without a timer or a handle', () => {
    const files = Array.from({ length: SHARDS }, (_, index) => [
      `config/shards/shard_${index}.yaml`,
      shardFile(index),
    ])
    write({ 'config/sharding.yaml': 'defaults: { client: pg }', ...Object.fromEntries(files) })
    const handles = process.getActiveResourcesInfo().length
    const started = performance.now()
    const config = loadConfig('config', { DATABASE: 'postgres://h', POOL_MAX: '7' })
    const loadedMs = performance.now() - started
    const topology = createTopology(config)
    const drawnMs = performance.now() - started - loadedMs
    expect(process.getActiveResourcesInfo().length).toBe(handles)
    expect(topology.shards.size).toBe(SHARDS)
    expect(topology.shards.get('shard_999')?.primary.pool.max).toBe(7)
    // Measured on two cores: 0.5 to 0.7 s and 10 ms. The bounds only catch what grows with the square of the shards.
    expect(loadedMs).toBeLessThan(10_000)
    expect(drawnMs).toBeLessThan(1000)
  })

  it('are all reported when all are wrong', () => {
    const files = Array.from({ length: SHARDS }, (_, index) => [
      `config/shards/shard_${index}.yaml`,
      'pool: { max: 0 }',
    ])
    write(Object.fromEntries(files))
    expect(refusalError('config').problems).toHaveLength(SHARDS * 3)
  })
})
