import { readdirSync, readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { shardingJsonSchema, shardJsonSchema } from '../../src/config/schema/json-schema.ts'

const ajv = new Ajv({ strict: false })
const validators = { sharding: ajv.compile(shardingJsonSchema()), shard: ajv.compile(shardJsonSchema()) }

function accepts(kind: keyof typeof validators, yaml: string): boolean {
  return validators[kind](parse(yaml))
}

describe('the JSON Schemas', () => {
  // `pnpm run schema` writes them anew.
  it('that ship are those of the validator', async () => {
    const text = (schema: object) => `${JSON.stringify(schema, null, 2)}\n`
    await expect(text(shardingJsonSchema())).toMatchFileSnapshot('../../schema/sharding.schema.json')
    await expect(text(shardJsonSchema())).toMatchFileSnapshot('../../schema/shard.schema.json')
  })

  it('accept every example that they give themselves', () => {
    let count = 0
    const visit = (node: unknown, root: object) => {
      if (typeof node !== 'object' || node === null) return
      const { examples, ...schema } = node as { examples?: unknown[] }
      for (const example of examples ?? []) {
        count++
        const validate = ajv.compile({ ...schema, definitions: root })
        // A function is the one thing that a file cannot hold.
        if (!('not' in schema)) expect(validate(example), JSON.stringify(node)).toBe(true)
      }
      for (const child of Object.values(node)) if (!('$ref' in Object(child))) visit(child, root)
    }
    for (const schema of [shardingJsonSchema(), shardJsonSchema()]) {
      const { patternProperties: _blocks, ...withoutBlocks } = schema
      visit(withoutBlocks, {})
    }
    expect(count).toBeGreaterThan(50)
  })

  it.each([
    '',
    'router: { strategy: static }\ntenant: { header: x-tenant-id }\ndefaults:\n  client: pg\n  pool: { max: 10 }',
    'tenant: [{ subdomain: example.com }, { path: "/t/:tenant" }]',
    'router: { strategy: composite, strategies: [static, buckets] }',
    'defaults: { client: "${CLIENT}", pool: { max: "${POOL_MAX:-10}", idleTimeoutMs: null } }',
    'tenant: [{ subdomain: "${REGION}.example.com" }, { path: "/${PREFIX}/:tenant" }]',
    '$schema: x\n$production: { defaults: { pool: { max: 50 } } }\n$env.staging: {}',
  ])('accept sharding.yaml: %s', (yaml) => {
    expect(accepts('sharding', yaml || '{}')).toBe(true)
  })

  it.each([
    'routr: {}',
    'router: { strategy: statik }',
    'router: { lookup: x }',
    'tenant: { headr: x }',
    'tenant: { header: x, cookie: y }',
    'tenant: {}',
    'defaults: { client: pgg }',
    'defaults: { pool: { max: 0 } }',
    'defaults: { pool: { idleTimeoutMs: 0 } }',
    'defaults: { pool: { max: "10" } }',
    'defaults: { pool: { max: "1${N}" } }',
    'defaults: { connection: postgres://h/d }',
    '$env.: {}',
    '$env: {}',
    '$production: { defaults: { pool: { maxx: 1 } } }',
    '$production: { $test: {} }',
    '[]',
  ])('reject sharding.yaml: %s', (yaml) => {
    expect(accepts('sharding', yaml)).toBe(false)
  })

  it.each([
    'connection: ${SHARD_0_DATABASE_URL}\npool: { max: 20 }\ntenants: [acme, globex, 42]',
    'connection: { host: h, port: "${PORT}" }\nsession: { search_path: app, statement_timeout: 5000 }',
    'connection: postgres://h/d\nranges: [{ from: 1, to: 1000 }, { from: "12345678901234567890" }]',
    'connection: postgres://h/d\nbuckets: [0-5460, 7000, "${SLOTS}"]\nindex: "${INDEX}"',
    'connection: postgres://h/d\nreplicas: [{ connection: postgres://r/d, pool: { min: 1 } }]\nscrub: never',
    '$production: { connection: "${A}" }\n$test: { connection: "${B}" }',
  ])('accept a shard file: %s', (yaml) => {
    expect(accepts('shard', yaml)).toBe(true)
  })

  it.each([
    'pool: { max: 20 }',
    'connection: ""',
    'connection: []',
    'connection: x\nreplicas: [{ pool: {} }]',
    'connection: x\ntenants: acme',
    'connection: x\ntenants: [true]',
    'connection: x\nbuckets: [0-x]',
    'connection: x\nranges: [{ to: 3 }]',
    'connection: x\nsession: { "a b": 1 }',
    'connection: x\nscrub: sometimes',
    'connection: x\nlookup: y',
    'connection: x\nknex: { pool: {} }',
  ])('reject a shard file: %s', (yaml) => {
    expect(accepts('shard', yaml)).toBe(false)
  })

  it('are the only files of their folder', () => {
    expect(readdirSync('schema').sort()).toEqual(['shard.schema.json', 'sharding.schema.json'])
    const { files, exports } = JSON.parse(readFileSync('package.json', 'utf8'))
    expect(files).toContain('schema')
    expect(exports['./schema/*']).toBe('./schema/*')
  })
})
