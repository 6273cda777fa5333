import { format, inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { ConfigObject } from '../../src/config/config-object.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { createTopology } from '../../src/topology/topology.ts'
import { inEmptyFolder, refusal, write } from './in-folder.ts'

inEmptyFolder()

const SECRET = 's3cr3t'
const CONFIG: ConfigObject = {
  defaults: { client: 'pg', session: { 'app.token': SECRET } },
  shards: {
    url: {
      connection: `postgres://u:${SECRET}@h/d?sslpassword=${SECRET}`,
      replicas: [{ connection: `postgres://u:${SECRET}@r/d` }],
    },
    object: { connection: { host: 'h', password: SECRET, ssl: { key: SECRET, passphrase: SECRET } } },
    nested: {
      connection: {
        connectionString: `postgres://u:${SECRET}@h/d`,
        authentication: { options: { password: SECRET } },
      },
    },
  },
}

/** Every way in which something is printed. */
function printed(value: unknown): string[] {
  return [
    inspect(value, { depth: null }),
    inspect(value, { depth: null, showHidden: true }),
    inspect(value, { depth: null, compact: false, colors: true }),
    format('%s %o %O %j', value, value, value, value),
    JSON.stringify({ value }) ?? '',
    String(value),
  ]
}

describe('secrets', () => {
  it('do not show when a configuration, a topology or a part of them is printed', () => {
    const config = loadConfig(CONFIG, {})
    const topology = createTopology(config)
    const parts: unknown[] = [config, topology, [config], { config }]
    for (const shard of config.shards.values()) {
      parts.push(shard, shard.replicas, ...shard.replicas)
      if (typeof shard.connection === 'object') parts.push(shard.connection)
    }
    for (const shard of topology.shards.values()) parts.push(shard, shard.primary, ...shard.replicas)
    for (const part of parts) for (const text of printed(part)) expect(text).not.toContain(SECRET)
  })

  it('do not show where objects are walked over instead of printed', () => {
    const topology = createTopology(loadConfig(CONFIG, {}))
    const endpoint = topology.shards.get('url')?.primary
    expect(Object.keys(endpoint ?? {})).not.toContain('connection')
    expect(inspect({ ...endpoint }, { customInspect: false })).not.toContain(`:${SECRET}@`)
    expect(inspect(endpoint, { customInspect: false })).not.toContain(`:${SECRET}@`)
  })

  it('leave everything else readable', () => {
    const shard = loadConfig(CONFIG, {}).shards.get('url')
    expect(inspect(shard)).toContain("connection: 'postgres://u:[redacted]@h/d?sslpassword=[redacted]'")
    expect(JSON.parse(JSON.stringify(shard))).toMatchObject({ name: 'url', client: 'pg', pool: { max: 10 } })
  })

  it('do not show in errors: from variables, from files, or under a wrong name', () => {
    write({ secret: SECRET })
    const shard = {
      client: '${SECRET}',
      connection: ['postgres://u:s3cr3t@h/d', { password: SECRET }],
      conection: SECRET,
      pool: { max: '${SECRET}', min: 'x${file:secret}', maxWaiting: { password: SECRET } },
      scrub: '${file:secret}',
      session: { token: [SECRET] },
      tenants: [{ secret: SECRET }],
      replicas: [{ connection: '${SECRET}', password: SECRET }, { connection: 7 }],
    }
    const text = refusal({ shards: { a: shard, b: `postgres://u:${SECRET}@h/d` } } as never, { SECRET })
    expect(text).not.toContain(SECRET)
    expect(text).toMatchInlineSnapshot(`
      "The sharding configuration has 12 problems:
        config › shards.a.client
          is not a client that knex knows (found '\${SECRET}')
          → Write one of pg, postgres, postgresql, pgnative, cockroachdb, redshift, mysql2, mysql, mariadb, better-sqlite3, libsql, sqlite3, sqlite, mssql, oracledb.
        config › shards.a.connection
          must be a URL, an object with at least one setting, or (in a configuration object) a function (found [ 'postgres://u:[redacted]@h/d', { password: '[redacted]' } ])
          → Write for example \`connection: "\${SHARD_0_DATABASE_URL}"\`.
        config › shards.a.conection
          is not an option
          → Did you mean \`connection\`?
        config › shards.a.pool.max
          must be a whole number from 1 to 10000 (found '\${SECRET}')
          → Write for example \`max: 20\`, or leave it out for the default, 10.
        config › shards.a.pool.min
          must be a whole number from 0 to 10000 (found 'x\${file:secret}')
          → Write for example \`min: 2\`, or leave it out for the default, 0.
        config › shards.a.pool.maxWaiting
          must be a whole number from 0 to 1000000 (found { password: '[redacted]' })
          → Write for example \`maxWaiting: 1000\`, or leave it out for the default, 1000.
        config › shards.a.scrub
          must be one of \`always\`, \`auto\`, \`never\` (found '\${file:secret}')
          → Write for example \`scrub: always\`, or leave it out for the default, always.
        config › shards.a.session.token
          must be a text, a number or a boolean (found '[redacted]')
          → Write for example \`token: app\`.
        config › shards.a.tenants[0]
          must be a tenant id: a text of 1 to 255 characters without control characters, or a whole number (found { secret: '[redacted]' })
          → Write for example \`acme\`.
        config › shards.a.replicas[0].password
          is not an option
          → Remove it. The options here are \`connection\`, \`pool\`, \`weight\`.
        config › shards.a.replicas[1].connection
          must be a URL, an object with at least one setting, or (in a configuration object) a function (found '[redacted]')
          → Write for example \`connection: "\${SHARD_0_DATABASE_URL}"\`.
        config › shards.b
          must be an object with options (found 'postgres://u:[redacted]@h/d')
          → Write for example \`{ connection: "\${SHARD_0_DATABASE_URL}", tenants: [ acme ] }\`."
    `)
  })
})
