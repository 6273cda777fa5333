import { describe, expect, it } from 'vitest'
import type { ConfigObject } from '../../src/config/config-object.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { inEmptyFolder, refusal, write } from './in-folder.ts'

inEmptyFolder()

const base = { client: 'pg', connection: 'postgres://h/d' }

function load(shard: object, env: NodeJS.ProcessEnv = {}) {
  return loadConfig({ shards: { a: { ...base, ...shard } } } as ConfigObject, env).shards.get('a')
}

describe('interpolation', () => {
  it('fills in variables, several in one text too', () => {
    const env = { HOST: 'db.example', NAME: 'app' }
    expect(load({ connection: 'postgres://${HOST}/${NAME}' }, env)?.connection).toBe(
      'postgres://db.example/app',
    )
  })

  it('takes the default for a variable that is not set or empty', () => {
    const tenants = ['${A:-one}', '${B:-two}', '${C:-three}', '${D:-}x', '${E:-a:-b}']
    expect(load({ tenants }, { A: 'set', B: '' })?.tenants).toEqual(['set', 'two', 'three', 'x', 'a:-b'])
  })

  it('leaves $${ as a literal ${ and does not look into what it filled in', () => {
    const tenants = ['$${A}', 'x$${A}${A}', '$A']
    expect(load({ tenants }, { A: '${B}' })?.tenants).toEqual(['${A}', 'x${A}${B}', '$A'])
  })

  it('never reaches keys', () => {
    expect(
      refusal({ shards: { a: { ...base, '${KEY}': 1 } } } as never, { KEY: 'index' }),
    ).toMatchInlineSnapshot(`
      "The sharding configuration has a problem:
        config › shards.a["\${KEY}"]
          is not an option
          → Write the key out: variables are filled in in values only."
    `)
  })

  it('makes one ${X} the number, boolean or null that is wanted, and nothing else', () => {
    const env = { N: '7', OFF: 'null', YES: 'true', ID: '42' }
    const shard = load(
      {
        pool: { max: '${N}', idleTimeoutMs: '${OFF}' },
        knex: { useNullAsDefault: '${YES}' },
        tenants: ['${ID}'],
      },
      env,
    )
    expect(shard?.pool).toMatchObject({ max: 7, idleTimeoutMs: null })
    expect(shard?.knex).toEqual({ useNullAsDefault: true })
    expect(shard?.tenants).toEqual(['42'])
    expect(
      refusal({ shards: { a: { ...base, pool: { max: '7', maxWaiting: '1${N}' } } } } as never, env),
    ).toMatchInlineSnapshot(`
      "The sharding configuration has 2 problems:
        config › shards.a.pool.max
          must be a whole number from 1 to 10000 (found '7')
          → Write for example \`max: 20\`, or leave it out for the default, 10.
        config › shards.a.pool.maxWaiting
          must be a whole number from 0 to 1000000 (found '1\${N}')
          → Write for example \`maxWaiting: 1000\`, or leave it out for the default, 1000."
    `)
  })

  it('reads a file beside the file that names it, without its last newline', () => {
    write({
      'config/shards/a.yaml':
        'client: pg\nconnection:\n  host: h\n  password: ${file:../secrets/a}\n  user: ${file:../secrets/b}\n',
      'config/secrets/a': 'pass word\n\n',
      'config/secrets/b': 'user\r\n',
    })
    const connection = loadConfig('config', {}).shards.get('a')?.connection
    expect({ ...(connection as object) }).toEqual({ host: 'h', password: 'pass word\n', user: 'user' })
  })

  it('does not ask for what an override replaces', () => {
    const shard = { connection: '${MISSING}', $production: { connection: 'postgres://p/d' } }
    expect(load(shard, { NODE_ENV: 'production' })?.connection).toBe('postgres://p/d')
  })

  it('names file, path and variable of what is missing, and what is no placeholder', () => {
    write({
      'config/sharding.yaml': 'defaults: { client: pg, pool: { max: "${POOL_MAX}" } }',
      'config/shards/a.yaml': 'connection: postgres://${DB_USER}:${file:/no/such/file}@h/d\n',
      'config/shards/b.yaml':
        'connection: postgres://h/${a b}\ntenants: ["${A", "${A:-${B}}", "${}", "${file:.}"]\n',
    })
    expect(refusal('config')).toMatchInlineSnapshot(`
      "The sharding configuration has 8 problems:
        config/sharding.yaml › defaults.pool.max
          needs the environment variable POOL_MAX, which is not set
          → Set POOL_MAX, or give a default: \`\${POOL_MAX:-…}\`.
        config/shards/a.yaml › connection
          needs the environment variable DB_USER, which is not set
          → Set DB_USER, or give a default: \`\${DB_USER:-…}\`.
        config/shards/a.yaml › connection
          needs the file "/no/such/file", which cannot be read (ENOENT)
          → Make it readable for this process at "/no/such/file".
        config/shards/b.yaml › connection
          has a placeholder that is none
          → Write \`\${NAME}\`, \`\${NAME:-default}\` or \`\${file:path}\`; \`$\${\` stands for a literal \`\${\`.
        config/shards/b.yaml › tenants[0]
          has a \`\${\` without its \`}\`
          → Close it, or write \`$\${\` where the text itself has a \`\${\`.
        config/shards/b.yaml › tenants[1]
          has a placeholder that is none
          → Write \`\${NAME}\`, \`\${NAME:-default}\` or \`\${file:path}\`; \`$\${\` stands for a literal \`\${\`.
        config/shards/b.yaml › tenants[2]
          has a placeholder that is none
          → Write \`\${NAME}\`, \`\${NAME:-default}\` or \`\${file:path}\`; \`$\${\` stands for a literal \`\${\`.
        config/shards/b.yaml › tenants[3]
          needs the file ".", which cannot be read (EISDIR)
          → Make it readable for this process at "<folder>/config/shards"."
    `)
  })
})
