import { chmodSync, symlinkSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { ConfigObject } from '../../src/config/config-object.ts'
import { GOOD_SHARD, inEmptyFolder, refusal, refusalError, write } from './in-folder.ts'

inEmptyFolder()

const SHARD = { client: 'pg', connection: 'postgres://h/d' }

/** A configuration with things that its type does not allow. */
function wrong(config: object): ConfigObject {
  return config as ConfigObject
}

describe('files', () => {
  it('no directory', () => {
    expect(refusal('nowhere')).toMatchInlineSnapshot(`
      "The sharding configuration has a problem:
        nowhere/shards
          does not exist, so there is no database to go to
          → Write one file a shard there, such as \`shard_0.yaml\` with a \`connection\`. Where to look is said by the option \`config\`, else by SHERD_CONFIG, else it is \`./config\`."
    `)
  })

  it('no shard file', () => {
    write({ 'config/sharding.yaml': '', 'config/shards/.gitkeep': '' })
    expect(refusal()).toMatchInlineSnapshot(`
      "The sharding configuration has a problem:
        config/shards
          has no shard file, so there is no database to go to
          → Write one file a shard there, such as \`shard_0.yaml\` with a \`connection\`. Where to look is said by the option \`config\`, else by SHERD_CONFIG, else it is \`./config\`."
    `)
  })

  it('two files for one shard, two main files', () => {
    write({
      'config/sharding.yaml': '',
      'config/sharding.json': '{}',
      'config/shards/shard_0.yaml': GOOD_SHARD,
      'config/shards/shard_0.json': '{ "client": "pg", "connection": "postgres://h/d" }',
    })
    expect(refusal()).toMatchInlineSnapshot(`
      "The sharding configuration has 2 problems:
        config/sharding.yaml
          is not the only one: \`sharding.json\` stands beside it
          → Keep one of the files.
        config/shards/shard_0.yaml
          describes the shard \`shard_0\` a second time, after \`shard_0.json\`
          → Keep one of the two files."
    `)
  })

  it('a bad name, a file that is none, a folder', () => {
    write({
      'config/shards/Shard-0.yaml': GOOD_SHARD,
      'config/shards/README.md': '',
      'config/shards/more/shard_1.yaml': GOOD_SHARD,
    })
    expect(refusal()).toMatchInlineSnapshot(`
      "The sharding configuration has 3 problems:
        config/shards/more
          is no shard file: those end in \`.yaml\`, \`.yml\` or \`.json\` and stand directly in this folder
          → Rename it, move it elsewhere, or put a dot in front of its name to have it ignored.
        config/shards/README.md
          is no shard file: those end in \`.yaml\`, \`.yml\` or \`.json\` and stand directly in this folder
          → Rename it, move it elsewhere, or put a dot in front of its name to have it ignored.
        config/shards/Shard-0.yaml
          gives a shard a name it cannot have, "Shard-0"
          → Names start with a small letter and have at most 63 small letters, digits, \`_\` and \`-\`."
    `)
  })

  it('a file that cannot be read', () => {
    write({ 'config/shards/b.yaml': GOOD_SHARD })
    symlinkSync('nowhere', 'config/shards/a.yaml')
    expect(refusal()).toMatchInlineSnapshot(`
      "The sharding configuration has a problem:
        config/shards/a.yaml
          cannot be read (ENOENT)
          → Make it readable for this process."
    `)
  })

  it.runIf(process.getuid?.() !== 0)('a file that may not be read', () => {
    write({ 'config/shards/a.yaml': GOOD_SHARD })
    chmodSync('config/shards/a.yaml', 0)
    expect(refusal()).toContain('cannot be read (EACCES)')
  })
})

describe('syntax', () => {
  it('of YAML, with line and column, and without a word of the file', () => {
    write({
      'config/sharding.yaml': 'defaults:\n  client: pg\n  client: s3cr3t\n  pool: {}\n  pool: {}\n',
      'config/shards/a.yaml': 'connection: "postgres://u:s3cr3t@h/d\n',
      'config/shards/b.yaml': 'pool: { max: ${MAX} }\n',
      'config/shards/c.yaml': 'tenants:\n\t- acme\n',
      'config/shards/d.yaml': 'a: 1\n---\nb: 2\n',
      'config/shards/e.yaml': 'password: @s3cr3t\n',
      'config/shards/f.yaml': 'connection: s3cr3t: s3cr3t\n',
      'config/shards/g.yaml': 'connection: !s3cr3t x\n',
      'config/shards/h.yaml': 'connection: *s3cr3t\n',
      'config/shards/i.yaml': '? [s3cr3t]\n: 1\n',
      'config/shards/j.yaml': '<<: s3cr3t\n',
      'config/shards/k.yaml': 'a: "\\s3cr3t"\n',
    })
    const text = refusal()
    expect(text).not.toContain('s3cr3t')
    expect(text).toMatchInlineSnapshot(`
      "The sharding configuration has 13 problems:
        config/sharding.yaml
          is not valid YAML at line 3, column 3: a key stands here twice
          → Keep one of the two.
        config/sharding.yaml
          is not valid YAML at line 5, column 3: a key stands here twice
          → Keep one of the two.
        config/shards/a.yaml
          is not valid YAML at line 2, column 1: a quote, a bracket, a comma or a space is missing
          → Close what was opened before this place.
        config/shards/b.yaml
          is not valid YAML at line 1, column 15: there is something that does not belong here
          → Between brackets, put \`\${…}\` in quotes: \`{ max: "\${POOL_MAX}" }\`.
        config/shards/c.yaml
          is not valid YAML at line 2, column 1: a tab is used as indentation
          → Use spaces.
        config/shards/d.yaml
          is not valid YAML at line 2, column 1: a second document starts (\`---\`)
          → Keep one document in the file.
        config/shards/e.yaml
          is not valid YAML at line 1, column 11: a text starts with a reserved character (\`@\`, \`\` \` \`\`, \`%\`, …)
          → Put it in quotes.
        config/shards/f.yaml
          is not valid YAML at line 1, column 13: a second \`:\` stands on one line
          → Put the text that contains \`: \` in quotes.
        config/shards/g.yaml
          is not valid YAML at line 1, column 13: a value cannot be read as it is written
          → Remove the tag (\`!…\`), or put the text in quotes.
        config/shards/h.yaml
          uses an alias (\`*name\`) at line 1, column 13 that no anchor (\`&name\`) defines
          → Define the anchor first.
        config/shards/i.yaml
          is not valid YAML at line 1, column 3: a key is not a text
          → Write the key as a plain word.
        config/shards/j.yaml
          cannot be read
          → Check its syntax, its anchors and its merge keys (\`<<\`).
        config/shards/k.yaml
          is not valid YAML at line 1, column 5: there is an unknown escape in a text in double quotes
          → Use single quotes, or write \`\\\\\`."
    `)
  })

  it('of JSON', () => {
    write({ 'config/shards/a.json': '{\n  "client": pg,\n  "index": 01\n}\n' })
    expect(refusal()).toMatchInlineSnapshot(`
      "The sharding configuration has 2 problems:
        config/shards/a.json
          is not valid JSON at line 2, column 13: a value is neither a text in quotes nor a number, true, false or null
          → Put texts in double quotes.
        config/shards/a.json
          is not valid JSON at line 3, column 12: a value is neither a text in quotes nor a number, true, false or null
          → Put texts in double quotes."
    `)
  })

  it('aliases that explode, depth beyond measure', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]']
    for (let i = 1; i < 12; i++)
      lines.push(
        `a${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      )
    write({
      'config/shards/a.yaml': lines.join('\n'),
      'config/shards/b.yaml': `a: ${'['.repeat(50)}${']'.repeat(50)}`,
      'config/shards/c.yaml': `a: ${'['.repeat(200_000)}`,
    })
    expect(refusal()).toMatchInlineSnapshot(`
      "The sharding configuration has 7 problems:
        config/shards/a.yaml
          repeats its aliases too often
          → Write the values out, or use \`defaults\`.
        config/shards/b.yaml › a
          is not an option
          → Remove it. The options here are \`$schema\`, \`connection\`, \`client\`, \`session\`, \`pool\`, \`breaker\`, \`reading\`, \`scrub\`, \`catalogueMaxAgeMs\`, \`startup\`, \`migrations\`, \`knex\`, \`afterCreate\`, \`replicas\`, \`identity\`, \`tenants\`, \`ranges\`, \`buckets\`, \`index\`.
        config/shards/b.yaml › a[0][0][0]
          is nested too deeply
          → Write it with fewer levels.
        config/shards/b.yaml › client
          is missing
          → Write for example \`client: pg\` here, or under \`defaults\` for all shards.
        config/shards/b.yaml › connection
          is missing
          → Write where the database is, such as \`connection: \${SHARD_0_DATABASE_URL}\`.
        config/shards/c.yaml
          is not valid YAML at line 1, column 787: it is nested too deeply
          → Write it with fewer levels.
        config/shards/c.yaml
          is not valid YAML at line 1, column 787: a value cannot be read as it is written
          → Remove the tag (\`!…\`), or put the text in quotes."
    `)
  })
})

describe('options', () => {
  it('unknown keys, with what was meant', () => {
    const config = {
      shards: {
        shard_0: {
          ...SHARD,
          conection: 's3cr3t',
          pool: { maxx: 3, fullSpeed: 2 },
          knex: { pool: {}, client: 'pg', nonsense: 1 },
          replicas: [{ connection: 'postgres://r/d', priority: 2 }],
        },
      },
      routr: {},
      'two\nlines\u001b[31m': 1,
    }
    expect(refusal(wrong(config))).toMatchInlineSnapshot(`
      "The sharding configuration has 9 problems:
        config › routr
          is not an option
          → Did you mean \`router\`?
        config › ["two\\nlines\\u001b[31m"]
          is not an option
          → Remove it. The options here are \`$schema\`, \`router\`, \`tenant\`, \`defaults\`, \`shared\`, \`limits\`, \`servers\`, \`workers\`.
        config › shards.shard_0.conection
          is not an option
          → Did you mean \`connection\`?
        config › shards.shard_0.pool.maxx
          is not an option
          → Did you mean \`max\`?
        config › shards.shard_0.pool.fullSpeed
          is not an option
          → Remove it. The options here are \`min\`, \`max\`, \`checkoutTimeoutMs\`, \`connectTimeoutMs\`, \`connectConcurrency\`, \`maxWaiting\`, \`perTenantMax\`, \`shedTargetMs\`, \`shedIntervalMs\`, \`idleTimeoutMs\`, \`maxLifetimeMs\`, \`pingAfterIdleMs\`, \`pingTimeoutMs\`, \`queryTimeoutMs\`, \`leakThresholdMs\`.
        config › shards.shard_0.knex.pool
          is not an option
          → Write \`pool\` beside \`knex\`.
        config › shards.shard_0.knex.client
          is not an option
          → Write \`client\` beside \`knex\`.
        config › shards.shard_0.knex.nonsense
          is not an option
          → Remove it. The options here are \`asyncStackTraces\`, \`compileSqlOnError\`, \`debug\`, \`defaultDateTimePrecision\`, \`fetchAsString\`, \`jsonbSupport\`, \`log\`, \`migrations\`, \`postProcessResponse\`, \`searchPath\`, \`seeds\`, \`useNullAsDefault\`, \`userParams\`, \`version\`, \`wrapIdentifier\`.
        config › shards.shard_0.replicas[0].priority
          is not an option
          → Remove it. The options here are \`connection\`, \`pool\`, \`weight\`."
    `)
  })

  it('wrong types and numbers out of range', () => {
    const shard = {
      client: 5,
      connection: [],
      pool: {
        max: 'ten',
        min: -1,
        maxWaiting: 1.5,
        checkoutTimeoutMs: 0,
        idleTimeoutMs: 0,
        maxLifetimeMs: 2 ** 31,
      },
      session: { 'a-b': 'x', path: [] },
      scrub: 'sometimes',
      knex: { debug: 'yes' },
      replicas: {},
      tenants: 'acme',
      index: '1',
    }
    const config = { router: 'static', tenant: 5, defaults: [], shards: { shard_0: shard, shard_1: null } }
    expect(refusal(wrong(config))).toMatchInlineSnapshot(`
      "The sharding configuration has 19 problems:
        config › router
          must be an object with options (found 'static')
          → Write for example \`router: { strategy: static }\`.
        config › tenant
          must be a source such as \`{ header: x-tenant-id }\`, or a list of sources (found 5)
          → Write for example \`tenant: { header: x-tenant-id }\`.
        config › defaults
          must be an object with options (found [])
          → Write for example \`defaults: { client: pg, pool: { max: 10 } }\`.
        config › shards.shard_0.client
          must be a text that is not empty (found 5)
          → Write for example \`client: pg\`.
        config › shards.shard_0.connection
          must be a URL, an object with at least one setting, or (in a configuration object) a function (found [])
          → Write for example \`connection: "\${SHARD_0_DATABASE_URL}"\`.
        config › shards.shard_0.pool.max
          must be a whole number from 1 to 10000 (found 'ten')
          → Write for example \`max: 20\`, or leave it out for the default, 10.
        config › shards.shard_0.pool.min
          must be a whole number from 0 to 10000 (found -1)
          → Write for example \`min: 2\`, or leave it out for the default, 0.
        config › shards.shard_0.pool.maxWaiting
          must be a whole number from 0 to 1000000 (found 1.5)
          → Write for example \`maxWaiting: 1000\`, or leave it out for the default, 1000.
        config › shards.shard_0.pool.checkoutTimeoutMs
          must be a whole number of milliseconds from 1 to 2147483647 (found 0)
          → Write for example \`checkoutTimeoutMs: 2000\`, or leave it out for the default, 2000.
        config › shards.shard_0.pool.idleTimeoutMs
          must be a whole number of milliseconds from 1 to 2147483647, or null for "off" (found 0)
          → Write \`null\` to switch it off.
        config › shards.shard_0.pool.maxLifetimeMs
          must be a whole number of milliseconds from 1 to 2147483647, or null for "off" (found 2147483648)
          → Write for example \`maxLifetimeMs: 1800000\`, or leave it out for the default, 1800000.
        config › shards.shard_0.session.a-b
          is not the name of a setting: letters, digits, \`_\` and \`.\` only
          → Write for example \`session: { search_path: app }\`.
        config › shards.shard_0.session.path
          must be a text, a number or a boolean (found [])
          → Write for example \`path: app\`.
        config › shards.shard_0.scrub
          must be one of \`always\`, \`auto\`, \`never\` (found 'sometimes')
          → Write for example \`scrub: always\`, or leave it out for the default, always.
        config › shards.shard_0.knex.debug
          must be true or false (found 'yes')
          → Write for example \`debug: true\`.
        config › shards.shard_0.replicas
          must be a list (found {})
          → Write for example \`replicas: [ { connection: "\${SHARD_0_REPLICA_URL}" } ]\`.
        config › shards.shard_0.tenants
          must be a list (found 'acme')
          → Write for example \`tenants: [ acme, globex ]\`.
        config › shards.shard_0.index
          must be a whole number from 0 to 1000000 (found '1')
          → Write for example \`index: 0\`.
        config › shards.shard_1
          must be an object with options (found null)
          → Write for example \`{ connection: "\${SHARD_0_DATABASE_URL}", tenants: [ acme ] }\`."
    `)
  })

  it('what is no configuration at all', () => {
    expect(refusal(wrong([]))).toMatchInlineSnapshot(`
      "The sharding configuration has 2 problems:
        config
          must be an object with options (found [])
          → Write for example \`{ router: { strategy: static } }\`.
        config › shards
          must be an object with an entry for each shard, or the folder of the shard files
          → Write for example \`shards: { shard_0: { connection: 'postgres://…' } }\`."
    `)
    expect(refusal(5 as never)).toContain('must be an object with options (found 5)')
    expect(refusal(wrong({ shards: {} }))).toMatchInlineSnapshot(`
      "The sharding configuration has a problem:
        config › shards
          must be an object with an entry for each shard, or the folder of the shard files (found {})
          → Write for example \`shards: { shard_0: { connection: 'postgres://…' } }\`."
    `)
    expect(refusal(wrong({ shards: 5 }))).toContain('(found 5)')
  })

  it('a cycle', () => {
    const loop: Record<string, unknown> = {}
    loop['loop'] = loop
    expect(refusal(wrong({ shards: { shard_0: { ...SHARD, connection: loop } } }))).toMatchInlineSnapshot(`
      "The sharding configuration has a problem:
        config › shards.shard_0.connection.loop
          is nested too deeply
          → Write it with fewer levels."
    `)
  })

  it('__proto__', () => {
    write({
      'config/shards/a.yaml': `${GOOD_SHARD}__proto__: { tenants: [acme] }\npool: { __proto__: { max: 3 } }\n`,
    })
    expect(refusal()).toMatchInlineSnapshot(`
      "The sharding configuration has 2 problems:
        config/shards/a.yaml › __proto__
          is not an option
          → Remove it.
        config/shards/a.yaml › pool.__proto__
          is not an option
          → Remove it."
    `)
    expect(Object.hasOwn(Object.prototype, 'tenants')).toBe(false)
  })

  it('client and connection missing', () => {
    write({ 'config/shards/a.yaml': '', 'config/shards/b.yaml': 'client: pg\nreplicas: [{ pool: {} }]\n' })
    expect(refusal()).toMatchInlineSnapshot(`
      "The sharding configuration has 4 problems:
        config/shards/a.yaml › client
          is missing
          → Write for example \`client: pg\` here, or under \`defaults\` for all shards.
        config/shards/a.yaml › connection
          is missing
          → Write where the database is, such as \`connection: \${SHARD_0_DATABASE_URL}\`.
        config/shards/b.yaml › replicas[0].connection
          is missing
          → Write where the database is, such as \`connection: \${SHARD_0_DATABASE_URL}\`.
        config/shards/b.yaml › connection
          is missing
          → Write where the database is, such as \`connection: \${SHARD_0_DATABASE_URL}\`."
    `)
  })

  it('unknown client, driver not installed', () => {
    const shards = {
      a: { ...SHARD, client: 'postgre' },
      b: { ...SHARD, client: 'dbase' },
      c: { ...SHARD, client: 'oracledb' },
      d: { connection: 'mysql://h/d' },
      e: { connection: 'mysql://h/d' },
    }
    expect(refusal({ defaults: { client: 'mysql' }, shards })).toMatchInlineSnapshot(`
      "The sharding configuration has 4 problems:
        config › defaults.client
          needs the package \`mysql\`, which is not installed (found 'mysql')
          → Run \`npm install mysql\` in the application.
        config › shards.a.client
          is not a client that knex knows (found 'postgre')
          → Did you mean \`postgres\`?
        config › shards.b.client
          is not a client that knex knows (found 'dbase')
          → Write one of pg, postgres, postgresql, pgnative, cockroachdb, redshift, mysql2, mysql, mariadb, better-sqlite3, libsql, sqlite3, sqlite, mssql, oracledb.
        config › shards.c.client
          needs the package \`oracledb\`, which is not installed (found 'oracledb')
          → Run \`npm install oracledb\` in the application."
    `)
  })

  it('session settings for a client that would not apply them', () => {
    const shards = {
      a: { client: 'oracledb', connection: 'oracle://h/d' },
      b: { client: 'pg', connection: 'postgres://h/d' },
      c: { client: 'oracledb', connection: 'oracle://h/d', session: { time_zone: 'UTC' } },
    }
    expect(refusal({ defaults: { session: { search_path: 'app' } }, shards })).toMatchInlineSnapshot(`
      "The sharding configuration has 4 problems:
        config › defaults.session
          is not applied by the client \`oracledb\`
          → Set it in \`afterCreate\`, which a configuration object can hold.
        config › shards.a.client
          needs the package \`oracledb\`, which is not installed (found 'oracledb')
          → Run \`npm install oracledb\` in the application.
        config › shards.c.client
          needs the package \`oracledb\`, which is not installed (found 'oracledb')
          → Run \`npm install oracledb\` in the application.
        config › shards.c.session
          is not applied by the client \`oracledb\`
          → Set it in \`afterCreate\`, which a configuration object can hold."
    `)
  })

  it('a connection that is no URL, without showing it', () => {
    const shards = {
      a: { ...SHARD, connection: 'postgres:/u:s3cr3t/@h:port/d' },
      b: { ...SHARD, connection: 'postgres://u:s3/cr3t@h/d' },
      c: { ...SHARD, connection: 'Server=h;Password=s3cr3t' },
    }
    const text = refusal({ shards })
    expect(text).not.toMatch(/s3cr3t|s3\/cr3t/)
    expect(text).toMatchInlineSnapshot(`
      "The sharding configuration has 3 problems:
        config › shards.a.connection
          is not a URL (found '[redacted]')
          → Write \`scheme://user:password@host:port/database\` with special characters percent-encoded, or an object of settings.
        config › shards.b.connection
          is not a URL (found '[redacted]')
          → Write \`scheme://user:password@host:port/database\` with special characters percent-encoded, or an object of settings.
        config › shards.c.connection
          is not a URL (found '[redacted]')
          → Write \`scheme://user:password@host:port/database\` with special characters percent-encoded, or an object of settings."
    `)
  })

  it('pool numbers that contradict each other', () => {
    write({
      'config/sharding.yaml': 'defaults: { client: pg, pool: { min: 8, checkoutTimeoutMs: 1000 } }\n',
      'config/shards/a.yaml': 'connection: postgres://h/d\npool: { max: 4, connectTimeoutMs: 3000 }\n',
      'config/shards/b.yaml': 'connection: postgres://h/d\npool: { min: 20 }\n',
      'config/shards/c.yaml':
        'connection: postgres://h/d\nreplicas:\n  - { connection: postgres://r/d, pool: { max: 2 } }\n',
      'config/shards/d.yaml': 'connection: postgres://h/d\npool: { min: 3, max: 2 }\n',
      'config/shards/e.yaml': 'connection: postgres://h/d\n',
    })
    expect(refusal()).toMatchInlineSnapshot(`
      "The sharding configuration has 5 problems:
        config/shards/a.yaml › pool.max
          is less than \`min\`, which is 8 in config/sharding.yaml (found 4)
          → Keep \`min\` at or below \`max\`.
        config/shards/a.yaml › pool.connectTimeoutMs
          is more than \`checkoutTimeoutMs\`, which is 1000 in config/sharding.yaml (found 3000)
          → Keep \`connectTimeoutMs\` at or below \`checkoutTimeoutMs\`.
        config/shards/b.yaml › pool.min
          is more than \`max\`, which is 10 by default (found 20)
          → Keep \`min\` at or below \`max\`.
        config/shards/c.yaml › replicas[0].pool.max
          is less than \`min\`, which is 8 in config/sharding.yaml (found 2)
          → Keep \`min\` at or below \`max\`.
        config/shards/d.yaml › pool.min
          is more than \`max\`, which is 2 (found 3)
          → Keep \`min\` at or below \`max\`."
    `)
  })

  it('contradictions that all shards inherit, once', () => {
    const shards = { a: { connection: 'postgres://h/d' }, b: { connection: 'postgres://h/d' } }
    expect(refusal({ defaults: { client: 'pg', pool: { min: 5, max: 2 } }, shards })).toMatchInlineSnapshot(`
      "The sharding configuration has a problem:
        config › defaults.pool.min
          is more than \`max\`, which is 2 (found 5)
          → Keep \`min\` at or below \`max\`."
    `)
  })

  it('tenant sources', () => {
    const tenant = [
      { header: 'x y' },
      { header: 'a', cookie: 'b' },
      {},
      { path: '/t/tenant' },
      { subdomain: 'https://example.com' },
      { headr: 'x' },
    ]
    expect(refusal(wrong({ tenant, shards: { a: SHARD } }))).toMatchInlineSnapshot(`
      "The sharding configuration has 6 problems:
        config › tenant[0].header
          must be the name of a header (found 'x y')
          → Write for example \`header: x-tenant-id\`.
        config › tenant[1]
          must have exactly one of \`header\`, \`subdomain\`, \`path\`, \`cookie\`, \`claim\` (found { header: 'a', cookie: 'b' })
          → Write for example \`{ header: x-tenant-id }\`.
        config › tenant[2]
          must have exactly one of \`header\`, \`subdomain\`, \`path\`, \`cookie\`, \`claim\` (found {})
          → Write for example \`{ header: x-tenant-id }\`.
        config › tenant[3].path
          must be a path with one \`:tenant\` segment (found '/t/tenant')
          → Write for example \`path: /t/:tenant\`.
        config › tenant[4].subdomain
          must be a domain without a scheme or port (found 'https://example.com')
          → Write for example \`subdomain: example.com\`.
        config › tenant[5].headr
          is not an option
          → Did you mean \`header\`?"
    `)
  })
})

describe('placement', () => {
  it('a tenant on two shards, also as a number and as a text', () => {
    write({
      'config/shards/a.yaml': `${GOOD_SHARD}tenants: [acme, 42, acme]\n`,
      'config/shards/b.yaml': `${GOOD_SHARD}tenants: ["42", Acme]\n`,
    })
    expect(refusal()).toMatchInlineSnapshot(`
      "The sharding configuration has 2 problems:
        config/shards/a.yaml › tenants[2]
          lists a tenant a second time, after config/shards/a.yaml › tenants[0] (found 'acme')
          → Keep it where its data is.
        config/shards/b.yaml › tenants[0]
          lists a tenant a second time, after config/shards/a.yaml › tenants[1] (found '42')
          → Keep it where its data is."
    `)
  })

  it('overlapping, empty and open ranges', () => {
    const shards = {
      a: { ...SHARD, ranges: [{ from: 1, to: 100 }, { from: 500 }] },
      b: {
        ...SHARD,
        ranges: [
          { from: 99, to: 200 },
          { from: 900, to: 1000 },
        ],
      },
      c: { ...SHARD, ranges: [{ from: 100, to: 100 }] },
      d: { ...SHARD, ranges: [{ to: 3 }] },
      e: { ...SHARD, ranges: [{ from: 'x' }] },
      f: { ...SHARD, ranges: [{ form: 7, to: 9 }] },
    }
    expect(refusal(wrong({ router: { strategy: 'range' }, shards }))).toMatchInlineSnapshot(`
      "The sharding configuration has 6 problems:
        config › shards.b.ranges[0]
          overlaps config › shards.a.ranges[0], which is 1 to below 100 (found { from: 99, to: 200 })
          → Move a bound so that each id is in one range; \`to\` itself is not in its range.
        config › shards.b.ranges[1]
          overlaps config › shards.a.ranges[1], which is 500 and all above (found { from: 900, to: 1000 })
          → Move a bound so that each id is in one range; \`to\` itself is not in its range.
        config › shards.c.ranges[0]
          is empty: \`from\` must be below \`to\` (found { from: 100, to: 100 })
          → Write for example \`{ from: 1, to: 1000 }\`.
        config › shards.d.ranges[0]
          has no \`from\` (found { to: 3 })
          → Write for example \`{ from: 1, to: 1000 }\`.
        config › shards.e.ranges[0].from
          must be a whole number (found 'x')
          → Write for example \`from: 1\`.
        config › shards.f.ranges[0].form
          is not an option
          → Remove it. The options here are \`from\`, \`to\`."
    `)
  })

  it('a range that overlaps one before its neighbour', () => {
    const ranges = [
      { from: 1, to: 1000 },
      { from: 10, to: 20 },
      { from: 500, to: 600 },
    ]
    expect(
      refusal({ router: { strategy: 'range' }, shards: { a: { ...SHARD, ranges } } }),
    ).toMatchInlineSnapshot(`
      "The sharding configuration has 2 problems:
        config › shards.a.ranges[1]
          overlaps config › shards.a.ranges[0], which is 1 to below 1000 (found { from: 10, to: 20 })
          → Move a bound so that each id is in one range; \`to\` itself is not in its range.
        config › shards.a.ranges[2]
          overlaps config › shards.a.ranges[0], which is 1 to below 1000 (found { from: 500, to: 600 })
          → Move a bound so that each id is in one range; \`to\` itself is not in its range."
    `)
  })

  it('overlapping and impossible slots', () => {
    const shards = {
      a: { ...SHARD, buckets: ['0-8191', 9000] },
      b: { ...SHARD, buckets: ['8191-16383'] },
      c: { ...SHARD, buckets: ['5-4', 16_384, '1-2-3', -1] },
    }
    expect(refusal(wrong({ router: { strategy: 'buckets' }, shards }))).toMatchInlineSnapshot(`
      "The sharding configuration has 5 problems:
        config › shards.b.buckets[0]
          overlaps config › shards.a.buckets[0] (found '8191-16383')
          → Give each slot to one shard; first and last slot both belong to a range.
        config › shards.c.buckets[0]
          must be a slot from 0 to 16383, or a range such as \`0-5460\` whose first slot comes first (found '5-4')
          → Write for example \`0-5460\`.
        config › shards.c.buckets[1]
          must be a slot from 0 to 16383, or a range such as \`0-5460\` whose first slot comes first (found 16384)
          → Write for example \`0-5460\`.
        config › shards.c.buckets[2]
          must be a slot from 0 to 16383, or a range such as \`0-5460\` whose first slot comes first (found '1-2-3')
          → Write for example \`0-5460\`.
        config › shards.c.buckets[3]
          must be a slot from 0 to 16383, or a range such as \`0-5460\` whose first slot comes first (found -1)
          → Write for example \`0-5460\`."
    `)
  })

  it('uncovered slots', () => {
    const shards = { a: { ...SHARD, buckets: ['1-8191'] }, b: { ...SHARD, buckets: ['8193-16000'] } }
    expect(refusal({ router: { strategy: 'buckets' }, shards })).toMatchInlineSnapshot(`
      "The sharding configuration has a problem:
        config › router.strategy
          leaves slots without a shard: 0, 8192, 16001-16383
          → Add them to \`buckets\` of the shards that hold those tenants."
    `)
    const many = Array.from({ length: 8 }, (_, index) => index * 2)
    expect(
      refusal({
        router: { strategy: 'composite', strategies: ['static', 'buckets'] },
        shards: { a: { ...SHARD, buckets: many } },
      }),
    ).toMatchInlineSnapshot(`
      "The sharding configuration has 2 problems:
        config › router.strategies[0]
          has nothing to go by: no shard has \`tenants\` (found 'static')
          → Write \`tenants\` in the files of the shards.
        config › router.strategies[1]
          leaves slots without a shard: 1, 3, 5, 7, 9 and 3 more gaps
          → Add them to \`buckets\` of the shards that hold those tenants."
    `)
  })

  it('indexes that do not count from 0 without a gap', () => {
    const shards = {
      a: { ...SHARD, index: 0 },
      b: { ...SHARD, index: 0 },
      c: SHARD,
      d: { ...SHARD, index: 4 },
    }
    expect(refusal({ router: { strategy: 'modulo' }, shards })).toMatchInlineSnapshot(`
      "The sharding configuration has 3 problems:
        config › shards.b.index
          is the same as in config › shards.a.index (found 0)
          → Number the shards from 0 to 3, each once.
        config › shards.c.index
          is missing, and the strategy \`modulo\` divides by the number of all shards
          → Number the shards from 0 to 3.
        config › shards.d.index
          is above 3, the highest remainder of 4 shards (found 4)
          → Number the shards from 0 to 3."
    `)
  })

  it('a strategy with nothing to go by', () => {
    expect(refusal({ router: { strategy: 'static' }, shards: { a: SHARD } })).toMatchInlineSnapshot(`
      "The sharding configuration has a problem:
        config › router.strategy
          has nothing to go by: no shard has \`tenants\` (found 'static')
          → Write \`tenants\` in the files of the shards."
    `)
    const composite = {
      router: { strategy: 'composite', strategies: ['static', 'range'] },
      shards: { a: SHARD },
    } as const
    expect(refusal(composite)).toMatchInlineSnapshot(`
      "The sharding configuration has 2 problems:
        config › router.strategies[0]
          has nothing to go by: no shard has \`tenants\` (found 'static')
          → Write \`tenants\` in the files of the shards.
        config › router.strategies[1]
          has nothing to go by: no shard has \`ranges\` (found 'range')
          → Write \`ranges\` in the files of the shards."
    `)
  })

  it('placement that no strategy reads', () => {
    const shards = { a: { ...SHARD, tenants: ['acme'], ranges: [{ from: 1 }], buckets: [1], index: 0 } }
    expect(refusal({ router: { strategy: 'range' }, shards })).toMatchInlineSnapshot(`
      "The sharding configuration has 3 problems:
        config › shards.a.tenants
          is not read by the strategy \`range\`
          → Remove it, change \`router.strategy\`, or ask several with \`composite\`.
        config › shards.a.buckets
          is not read by the strategy \`range\`
          → Remove it, change \`router.strategy\`, or ask several with \`composite\`.
        config › shards.a.index
          is not read by the strategy \`range\`
          → Remove it, change \`router.strategy\`, or ask several with \`composite\`."
    `)
  })

  it('a lookup without a function, and options without a lookup', () => {
    write({ 'config/sharding.yaml': 'router: { strategy: lookup }', 'config/shards/a.yaml': GOOD_SHARD })
    expect(refusal()).toMatchInlineSnapshot(`
      "The sharding configuration has a problem:
        config/sharding.yaml › router.lookup
          is missing, and the strategy \`lookup\` is nothing without its function
          → A file cannot hold a function: give the configuration as an object with \`router: { strategy: 'lookup', lookup: async (tenant) => … }\`; its \`shards\` may name the folder of the shard files."
    `)
    const router = {
      lookup: () => 'a',
      lookupTimeoutMs: 5,
      cache: { max: 1 },
      strategies: ['static'],
    } as const
    expect(refusal({ router, shards: { a: SHARD } })).toMatchInlineSnapshot(`
      "The sharding configuration has 4 problems:
        config › router.lookup
          is only read by the strategy \`lookup\`, and the strategy is \`static\`
          → Remove it, or change \`router.strategy\`.
        config › router.lookupTimeoutMs
          is only read by the strategy \`lookup\`, and the strategy is \`static\`
          → Remove it, or change \`router.strategy\`.
        config › router.cache
          is only read by the strategy \`lookup\`, and the strategy is \`static\`
          → Remove it, or change \`router.strategy\`.
        config › router.strategies
          is only read by the strategy \`composite\`, and the strategy is \`static\`
          → Remove it, or change \`router.strategy\`."
    `)
    write({ 'config/sharding.yaml': 'router: { strategy: lookup, lookup: ./lookup.js }' })
    expect(refusal()).toMatchInlineSnapshot(`
      "The sharding configuration has a problem:
        config/sharding.yaml › router.lookup
          must be a function, which only a configuration object can hold (found './lookup.js')
          → Write for example \`lookup: async (tenant) => directory.get(tenant)\`."
    `)
  })

  it('a composite that asks nobody, somebody twice, or somebody in vain', () => {
    const shards = { a: { ...SHARD, buckets: ['0-16383'], tenants: ['acme'] } }
    expect(refusal({ router: { strategy: 'composite' }, shards: { a: SHARD } })).toMatchInlineSnapshot(`
      "The sharding configuration has a problem:
        config › router.strategies
          is empty, so \`composite\` has nothing to ask
          → List some of \`static\`, \`range\`, \`buckets\`, \`modulo\`, \`lookup\`."
    `)
    const strategies = ['static', 'buckets', 'static'] as const
    expect(refusal({ router: { strategy: 'composite', strategies }, shards })).toMatchInlineSnapshot(`
      "The sharding configuration has 2 problems:
        config › router.strategies[1]
          answers for every tenant, so the strategies after it are never asked (found 'buckets')
          → Put \`buckets\` last.
        config › router.strategies[2]
          stands in the list twice (found 'static')
          → Remove one of the two."
    `)
  })

  it('is not judged as a whole while a part could not be read', () => {
    const shards = { a: { ...SHARD, buckets: ['0-8191'] }, b: { ...SHARD, bukets: ['8192-16383'] } }
    expect(refusal(wrong({ router: { strategy: 'buckets' }, shards }))).toMatchInlineSnapshot(`
      "The sharding configuration has a problem:
        config › shards.b.bukets
          is not an option
          → Did you mean \`buckets\`?"
    `)
  })
})

describe('the report', () => {
  it('has all problems of all files, in the order of the files and of their lines', () => {
    write({
      'config/sharding.yaml': 'tenants: x\nrouter: { strategy: statik }\n',
      'config/shards/b.yaml': 'zzz: 1\npool: { max: 0 }\nconnection: postgres://h/d\nclient: pg\nindex: -1\n',
      'config/shards/a.yaml': 'connection: ${NOPE}\nclient: pg\naaa: 1\npool: { min: 20 }\n',
    })
    const { problems, message } = refusalError()
    expect(problems.map(({ file, path }) => `${file} ${path}`)).toEqual([
      'config/sharding.yaml tenants',
      'config/sharding.yaml router.strategy',
      'config/shards/a.yaml connection',
      'config/shards/a.yaml aaa',
      'config/shards/a.yaml pool.min',
      'config/shards/b.yaml zzz',
      'config/shards/b.yaml pool.max',
      'config/shards/b.yaml index',
    ])
    expect(message.startsWith('The sharding configuration has 8 problems:\n')).toBe(true)
  })

  it('describes a hundred problems and keeps them all', () => {
    const shards = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`s${i}`, {}]))
    const { problems, message } = refusalError({ defaults: { client: 'pg' }, shards })
    expect(problems).toHaveLength(150)
    expect(message.endsWith('\n  … and 50 more')).toBe(true)
  })
})
