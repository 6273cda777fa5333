import { describe, expect, it } from 'vitest'
import type { ConfigObject } from '../../src/config/config-object.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { GOOD_SHARD, inEmptyFolder, refusal, write } from './in-folder.ts'

inEmptyFolder()

const SHARD = `
client: pg
connection: { host: localhost, database: app, password: local }
pool: { min: 1, max: 5 }
tenants: [acme, globex]
$production:
  connection: { host: db.example }
  pool: { max: 50 }
  tenants: [acme]
$env.staging:
  pool: { max: 7 }
`

describe('blocks for an environment', () => {
  it('merge objects deeply, replace lists, and replace connection whole', () => {
    write({ 'config/shards/a.yaml': SHARD })
    const shard = loadConfig('config', { NODE_ENV: 'production' }).shards.get('a')
    expect(shard?.pool).toMatchObject({ min: 1, max: 50 })
    expect(shard?.tenants).toEqual(['acme'])
    expect({ ...(shard?.connection as object) }).toEqual({ host: 'db.example' })
    expect(shard?.places.tenants).toBe('$production.tenants')
  })

  it('lie still in every other environment', () => {
    write({ 'config/shards/a.yaml': SHARD })
    expect(loadConfig('config', { NODE_ENV: 'staging' }).shards.get('a')?.pool.max).toBe(7)
    expect(loadConfig('config', { NODE_ENV: 'Production' }).shards.get('a')?.pool.max).toBe(5)
    expect(loadConfig('config', {}).shards.get('a')?.pool.max).toBe(5)
  })

  it('can stand in sharding.yaml, in an object and in a shard of an object', () => {
    write({
      'config/sharding.yaml':
        'defaults: { client: pg, pool: { max: 3 } }\n$test: { defaults: { pool: { max: 4 } } }\n',
      'config/shards/a.yaml': 'connection: postgres://h/d\n',
    })
    expect(loadConfig('config', { NODE_ENV: 'test' }).shards.get('a')?.pool.max).toBe(4)
    const object: ConfigObject = {
      shards: { a: { client: 'pg', connection: 'postgres://h/d', $test: { pool: { min: 1 } } } },
      $test: { shards: { a: { pool: { max: 6 } } } },
    }
    expect(loadConfig(object, { NODE_ENV: 'test' }).shards.get('a')?.pool).toMatchObject({ min: 1, max: 6 })
  })

  it('are checked where they lie still, except for what depends on their variables', () => {
    write({
      'config/sharding.yaml': 'defaults: { client: pg }\n$production: { defaults: { pol: {} } }\n',
      'config/shards/a.yaml': `${GOOD_SHARD}$production:\n  connection: "\${PROD_URL}"\n  pool: { max: 0, min: "\${PROD_MIN}", mux: 3 }\n`,
    })
    expect(refusal('config')).toMatchInlineSnapshot(`
      "The sharding configuration has 3 problems:
        config/sharding.yaml › $production.defaults.pol
          is not an option
          → Did you mean \`pool\`?
        config/shards/a.yaml › $production.pool.max
          must be a whole number from 1 to 10000 (found 0)
          → Write for example \`max: 20\`, or leave it out for the default, 10.
        config/shards/a.yaml › $production.pool.mux
          is not an option
          → Did you mean \`max\`?"
    `)
    const object = {
      shards: { a: { client: 'pg', connection: 'postgres://h/d' } },
      $production: { shards: { a: { pol: 1 } } },
    }
    expect(refusal(object as ConfigObject)).toMatchInlineSnapshot(`
      "The sharding configuration has a problem:
        config › $production.shards.a.pol
          is not an option
          → Did you mean \`pool\`?"
    `)
  })

  it('are named in the path of what is wrong in them', () => {
    write({
      'config/shards/a.yaml': `${GOOD_SHARD}pool: { max: 0 }\n$test:\n  pool: { min: -1 }\n  tenants: [a, a]\n`,
    })
    expect(refusal('config', { NODE_ENV: 'test' })).toMatchInlineSnapshot(`
      "The sharding configuration has 3 problems:
        config/shards/a.yaml › pool.max
          must be a whole number from 1 to 10000 (found 0)
          → Write for example \`max: 20\`, or leave it out for the default, 10.
        config/shards/a.yaml › $test.pool.min
          must be a whole number from 0 to 10000 (found -1)
          → Write for example \`min: 2\`, or leave it out for the default, 0.
        config/shards/a.yaml › $test.tenants[1]
          lists a tenant a second time, after config/shards/a.yaml › $test.tenants[0] (found 'a')
          → Keep it where its data is."
    `)
  })

  it('are refused where nobody can reach them', () => {
    write({
      'config/shards/a.yaml': `${GOOD_SHARD}pool:\n  $production: { max: 3 }\n$env: { staging: {} }\n$env.: {}\n$production: { $test: {} }\n$env.production: {}\n$prod: {}\n`,
      'config/shards/b.yaml': `${GOOD_SHARD}$production: 5\n`,
    })
    expect(refusal('config')).toMatchInlineSnapshot(`
      "The sharding configuration has 7 problems:
        config/shards/a.yaml › pool.$production
          does not stand at the top of its file, so nobody can reach it
          → Move the block to the top level and repeat the keys above it inside.
        config/shards/a.yaml › $env
          names no environment, so nobody can reach it
          → Put the name into the key: \`$env.staging:\`, or one of \`$production:\`, \`$development:\`, \`$test:\`.
        config/shards/a.yaml › $env.
          names no environment, so nobody can reach it
          → Put the name into the key: \`$env.staging:\`, or one of \`$production:\`, \`$development:\`, \`$test:\`.
        config/shards/a.yaml › $production.$test
          does not stand at the top of its file, so nobody can reach it
          → Move the block to the top level and repeat the keys above it inside.
        config/shards/a.yaml › $env.production
          is for the same environment as \`$production\`, so nobody can reach it
          → Put both into one block.
        config/shards/a.yaml › $prod
          is not an option
          → Did you mean \`$env.prod\`?
        config/shards/b.yaml › $production
          must be an object with options (found 5)
          → Write for example \`{ connection: "\${SHARD_0_DATABASE_URL}", tenants: [ acme ] }\`."
    `)
  })
})
