import { describe, expect, it } from 'vitest'
import { defineConfig } from '../../src/config/define-config.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { GOOD_SHARD, inEmptyFolder, write } from './in-folder.ts'

inEmptyFolder()

const SHARDING = `
router: { strategy: static }
tenant: { header: X-Tenant-Id }
defaults:
  client: pg
  pool: { max: 12, checkoutTimeoutMs: 4000 }
  session: { search_path: app, statement_timeout: 5000 }
`
const SHARD = `
connection: \${SHARD_0_DATABASE_URL}
pool: { max: 20 }
session: { search_path: tenants }
tenants: [acme, 42]
replicas:
  - connection: postgres://replica.example/app
    pool: { max: 5 }
`
const ENV = { SHARD_0_DATABASE_URL: 'postgres://db.example/app' }

describe('loadConfig', () => {
  it('reads a directory: defaults under the shard, the shard under its replicas', () => {
    write({ 'config/sharding.yaml': SHARDING, 'config/shards/shard_0.yaml': SHARD })
    const { router, tenant, shards } = loadConfig(undefined, ENV)
    expect(router.strategy).toBe('static')
    expect(tenant).toEqual([{ header: 'x-tenant-id' }])
    const shard = shards.get('shard_0')
    expect(shard?.connection).toBe('postgres://db.example/app')
    expect(shard).toMatchObject({
      name: 'shard_0',
      file: 'config/shards/shard_0.yaml',
      client: 'pg',
      scrub: 'always',
      catalogueMaxAgeMs: 10_000,
      startup: 'degraded',
      tenants: ['acme', '42'],
      session: { search_path: 'tenants', statement_timeout: '5000' },
    })
    expect(shard?.pool).toEqual({
      min: 0,
      max: 20,
      checkoutTimeoutMs: 4000,
      connectTimeoutMs: 1500,
      connectConcurrency: 4,
      maxWaiting: 1000,
      idleTimeoutMs: 30_000,
      maxLifetimeMs: 1_800_000,
      perTenantMax: null,
      shedTargetMs: 500,
      shedIntervalMs: 1000,
      pingAfterIdleMs: 1000,
      pingTimeoutMs: 500,
      queryTimeoutMs: null,
      leakThresholdMs: 30_000,
    })
    expect(
      shard?.replicas.map(({ connection, pool }) => [connection, pool.max, pool.checkoutTimeoutMs]),
    ).toEqual([['postgres://replica.example/app', 5, 4000]])
  })

  it('reads the same from YAML, from JSON and from an object', () => {
    const content = {
      defaults: { client: 'pg' },
      shards: {
        a: { connection: 'postgres://a.example/app', tenants: ['acme'], pool: { idleTimeoutMs: null } },
      },
    }
    write({
      'yaml/sharding.yml': 'defaults: { client: pg }',
      'yaml/shards/a.yaml':
        'connection: postgres://a.example/app\ntenants: [acme]\npool:\n  idleTimeoutMs: null\n',
      'json/sharding.json': JSON.stringify({ defaults: content.defaults }),
      'json/shards/a.json': JSON.stringify(content.shards.a, null, '\t'),
    })
    const [yaml, json, object] = ['yaml', 'json', defineConfig(content)].map((source) => {
      const shard = loadConfig(source, {}).shards.get('a')
      return { ...shard, connection: shard?.connection, file: '', places: {} }
    })
    expect(yaml).toEqual(json)
    expect(object).toEqual(json)
  })

  it('looks into the directory of the argument, else of SHERD_CONFIG, else into ./config', () => {
    for (const folder of ['one', 'two', 'config']) write({ [`${folder}/shards/${folder}.yaml`]: GOOD_SHARD })
    expect([...loadConfig('one', { SHERD_CONFIG: 'two' }).shards.keys()]).toEqual(['one'])
    expect([...loadConfig(undefined, { SHERD_CONFIG: 'two' }).shards.keys()]).toEqual(['two'])
    expect([...loadConfig(undefined, { SHERD_CONFIG: '' }).shards.keys()]).toEqual(['config'])
  })

  it('takes the shard files of a folder into an object, which can hold a function', () => {
    write({ 'config/shards/shard_0.yaml': GOOD_SHARD })
    const lookup = async () => 'shard_0'
    const config = loadConfig({ router: { strategy: 'lookup', lookup }, shards: 'config/shards' }, {})
    expect(config.router.lookup).toBe(lookup)
    expect(config.shards.get('shard_0')?.file).toBe('config/shards/shard_0.yaml')
  })

  it('keeps shards in the order of their files, counting numbers as numbers', () => {
    for (const name of ['s10', 's2', 'a']) write({ [`config/shards/${name}.yaml`]: GOOD_SHARD })
    expect([...loadConfig('config', {}).shards.keys()]).toEqual(['a', 's2', 's10'])
  })

  it('fits how long a queue may stand, and how long a ping may take, to checkoutTimeoutMs', () => {
    const pool = (options: object) => {
      const shards = { a: { client: 'pg', connection: 'postgres://h/d', pool: options } }
      const limits = loadConfig({ shards }, {}).shards.get('a')?.pool
      return [limits?.shedTargetMs, limits?.pingTimeoutMs]
    }
    expect(pool({})).toEqual([250, 500])
    expect(pool({ checkoutTimeoutMs: 30_000 })).toEqual([3750, 500])
    expect(pool({ checkoutTimeoutMs: 400, connectTimeoutMs: 100 })).toEqual([50, 100])
    expect(pool({ checkoutTimeoutMs: 400, shedTargetMs: null, pingTimeoutMs: 300 })).toEqual([null, 300])
  })

  it('fits the default of connectTimeoutMs into a shorter checkoutTimeoutMs', () => {
    const pool = (options: object) =>
      loadConfig(
        { shards: { a: { client: 'pg', connection: 'postgres://h/d', pool: options } } },
        {},
      ).shards.get('a')?.pool.connectTimeoutMs
    expect(pool({ checkoutTimeoutMs: 500 })).toBe(375)
    expect(pool({ checkoutTimeoutMs: 1 })).toBe(1)
    expect(pool({ checkoutTimeoutMs: 60_000 })).toBe(1500)
    expect(pool({ checkoutTimeoutMs: 500, connectTimeoutMs: 400 })).toBe(400)
  })

  it('ignores dotfiles and accepts a $schema key', () => {
    write({
      'config/sharding.yaml': '$schema: ../sharding.schema.json\n',
      'config/shards/shard_0.yaml': `$schema: ../shard.schema.json\n${GOOD_SHARD}`,
      'config/shards/.shard_1.yaml.swp': '@@@',
      'config/shards/..data/shard_2.yaml': '@@@',
    })
    expect([...loadConfig('config', {}).shards.keys()]).toEqual(['shard_0'])
  })

  it('is frozen through and through, and leaves the object it was made from alone', () => {
    const source = {
      shards: {
        a: {
          client: 'pg',
          connection: { host: 'h', ssl: { ca: 'x' } },
          tenants: ['acme'],
          knex: { log: {} },
        },
      },
    }
    const before = structuredClone(source)
    const config = loadConfig(source, {})
    const shard = config.shards.get('a')
    expect(source).toEqual(before)
    expect(Object.isFrozen(source.shards.a.connection)).toBe(false)
    const connection = shard?.connection as { ssl: object }
    const parts: unknown[] = [
      config,
      config.router,
      config.router.cache,
      config.tenant,
      config.shards,
      shard,
      shard?.pool,
    ]
    parts.push(shard?.session, shard?.tenants, shard?.replicas, shard?.ranges, shard?.buckets, shard?.knex)
    parts.push(shard?.places, connection, connection.ssl)
    for (const part of parts) expect(Object.isFrozen(part)).toBe(true)
    expect(() => (config.shards as Map<string, unknown>).set('b', {})).toThrow(TypeError)
    source.shards.a.tenants.push('late')
    expect(shard?.tenants).toEqual(['acme'])
  })

  it('hands functions and instances of classes on as they are', () => {
    class Credentials {
      password = 's3cr3t'
    }
    const credentials = new Credentials()
    const buffer = Buffer.from('certificate')
    const connection = () => ({ host: 'h' })
    const { shards } = loadConfig(
      {
        defaults: { client: 'pg' },
        shards: {
          a: { connection },
          b: { connection: { host: 'h', credentials, ssl: { ca: buffer } } },
        },
      },
      {},
    )
    expect(shards.get('a')?.connection).toBe(connection)
    const settings = shards.get('b')?.connection as { credentials: unknown; ssl: { ca: unknown } }
    expect(settings.credentials).toBe(credentials)
    expect(settings.ssl.ca).toBe(buffer)
    expect(Object.isFrozen(credentials)).toBe(false)
  })

  it('accepts shards without a router: they can be used by name', () => {
    expect(
      loadConfig({ shards: { a: { client: 'pg', connection: 'postgres://h/d' } } }, {}).router.strategy,
    ).toBe('static')
  })
})
