import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import type { ConfigObject } from '../../src/config/config-object.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { ConfigInvalidError } from '../../src/errors.ts'
import { createTopology } from '../../src/topology/topology.ts'
import { inEmptyFolder, write } from './in-folder.ts'

inEmptyFolder()

const SECRET = 'pl4nted'
/** Stands in connections and nowhere else. */
const PASSWORD = 'h1dden'
const ENV = { SECRET, URL: `postgres://u:${SECRET}@h/d`, N: '3', NODE_ENV: 'test' }

/** A configuration in which everything that can be said is said, with secrets where secrets belong. */
function validConfig(): Record<string, unknown> {
  const connection = { host: 'h', user: 'u', password: PASSWORD, ssl: { key: PASSWORD } }
  return {
    router: { strategy: 'composite', strategies: ['static', 'range', 'buckets'] },
    tenant: [{ header: 'x-tenant-id' }, { subdomain: 'example.com' }],
    defaults: {
      client: 'pg',
      pool: { max: 10, checkoutTimeoutMs: 2000, idleTimeoutMs: null },
      knex: { debug: false },
    },
    shards: {
      a: {
        connection: `postgres://u:${PASSWORD}@h/d`,
        session: { search_path: 'app', 'app.secret': SECRET },
        replicas: [{ connection, pool: { min: 1 } }],
        tenants: ['acme', 42],
        ranges: [{ from: 100, to: 200 }],
        buckets: ['0-8191'],
        $test: { pool: { max: '${N}' } },
      },
      b: { connection: '${URL}', scrub: 'never', buckets: ['8192-16383'], '$env.staging': { connection } },
    },
    $production: { defaults: { pool: { max: 50 } } },
  }
}

const key = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '$env.',
    '$test',
    '$env.test',
    '<<',
    '${N}',
  ),
  fc.constantFrom(
    'pool',
    'max',
    'connection',
    'tenants',
    'buckets',
    'ranges',
    'from',
    'shards',
    'router',
    'strategy',
  ),
  fc.string({ maxLength: 8, unit: 'binary' }),
)
const leaf = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -0,
    -1,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 60,
    '',
    '0',
    ' ',
  ),
  fc.constantFrom(
    '${SECRET}',
    'x${SECRET}',
    '${N}',
    '${NOPE}',
    '${',
    '${}',
    '$${X}',
    '${file:.}',
    '${A:-${B}}',
    '${a\n}',
  ),
  fc.constantFrom(
    'static',
    'buckets',
    'lookup',
    '0-16383',
    '5-1',
    'pg',
    'oracledb',
    'postgres://h/d',
    'a\u0000b\ud800',
  ),
  fc.constantFrom('x'.repeat(300), 'a'.repeat(5000), `${'a://'.repeat(300)}`),
  fc.string({ maxLength: 12, unit: 'binary' }),
  fc.integer(),
)
const tree = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie('node'), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie('node')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  ),
})).node

type Mutation = {
  readonly at: readonly number[]
  readonly how: 'replace' | 'remove' | 'rename' | 'add'
  readonly value: unknown
  readonly name: string
}
const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.array(fc.nat(12), { minLength: 1, maxLength: 6 }),
  how: fc.constantFrom('replace', 'remove', 'rename', 'add'),
  value: tree,
  name: key,
})

/** Changes one place: `at` walks down from the root, each step picking one of the children there. */
function mutate(root: unknown, { at, how, value, name }: Mutation): void {
  let parent = root as Record<string, unknown>
  const [last = 0, ...steps] = at.toReversed()
  for (const step of steps.reverse()) {
    const children = Object.values(parent).filter((child) => typeof child === 'object' && child !== null)
    const child = children[step % Math.max(children.length, 1)]
    if (child !== undefined) parent = child as Record<string, unknown>
  }
  const keys = Object.keys(parent)
  const picked = keys[last % Math.max(keys.length, 1)]
  const put = (into: string, what: unknown) =>
    Object.defineProperty(parent, into, { value: what, enumerable: true, writable: true, configurable: true })
  if (how === 'add' || picked === undefined) put(Array.isArray(parent) ? '0' : name, value)
  else if (how === 'replace') put(picked, value)
  else if (Array.isArray(parent)) parent.splice(Number(picked), 1)
  else {
    if (how === 'rename') put(name, parent[picked])
    delete parent[picked]
  }
}

/** Loads it; whatever is wrong with it, there is one kind of answer, and it keeps secrets. */
function expectConfigOrRefusal(source: string | ConfigObject): 'accepted' | 'refused' {
  try {
    const config = loadConfig(source, ENV)
    createTopology(config)
    expect(JSON.stringify([...config.shards.values()])).not.toContain(PASSWORD)
    return 'accepted'
  } catch (error) {
    if (!(error instanceof ConfigInvalidError)) throw error
    const shown = error.message + JSON.stringify(error.problems) + error.stack
    for (const secret of [SECRET, PASSWORD]) expect(shown).not.toContain(secret)
    for (const { file, message, mend } of error.problems) expect([file, message, mend]).not.toContain('')
    expect(error.message).not.toMatch(/[^\P{Cc}\n]/u)
    return 'refused'
  }
}

describe('hostile configurations', () => {
  it('start from one that is right', () => {
    expect(expectConfigOrRefusal(validConfig() as unknown as ConfigObject)).toBe('accepted')
  })

  it('as mutations of it, given as an object, are accepted or refused', () => {
    const outcomes = { accepted: 0, refused: 0 }
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        const config = validConfig()
        for (const each of mutations) mutate(config, each)
        outcomes[expectConfigOrRefusal(config as unknown as ConfigObject)]++
      }),
      { numRuns: 1000 },
    )
    expect(Math.min(outcomes.accepted, outcomes.refused)).toBeGreaterThan(50)
  })

  it('as mutations of it, written to YAML and JSON files, are accepted or refused', () => {
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), fc.boolean(), (mutations, asJson) => {
        const { shards, ...main } = validConfig()
        const { a, b } = shards as Record<string, unknown>
        const files = [main, a, b]
        for (const [index, each] of mutations.entries()) mutate(files[index % 3], each)
        const text = (content: unknown) => (asJson ? JSON.stringify(content) : stringify(content))
        const extension = asJson ? 'json' : 'yaml'
        const folder = `config-${extension}`
        write({
          [`${folder}/sharding.${extension}`]: text(files[0]),
          [`${folder}/shards/a.${extension}`]: text(files[1]),
          [`${folder}/shards/b.${extension}`]: text(files[2]),
        })
        expectConfigOrRefusal(folder)
      }),
      { numRuns: 500 },
    )
  })

  it('as any tree are accepted or refused', () => {
    fc.assert(
      fc.property(tree, (content) => {
        expectConfigOrRefusal({ shards: content } as unknown as ConfigObject)
        if (typeof content === 'object' && content !== null) expectConfigOrRefusal(content as ConfigObject)
      }),
      { numRuns: 1000 },
    )
  })

  it('as any text that resembles YAML are accepted or refused', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '&a ',
        '*a',
        '<<: *a',
        '<<: ',
        '!!binary ',
        '!x ',
        '? ',
        ': ',
        '- ',
        '[',
        ']',
        '{',
        '}',
        ',',
        '"',
        "'",
      ),
      fc.constantFrom(
        '\n',
        '\n  ',
        '\n\t',
        '|',
        '>-',
        '#',
        '%YAML 1.1\n---\n',
        '---\n',
        '...\n',
        '@',
        '`',
        '\u0000',
        '\ufeff',
      ),
      fc.constantFrom(
        'connection',
        'pool',
        'max',
        '__proto__',
        '${SECRET}',
        '0123',
        `password: ${SECRET}`,
        `: postgres://u:${SECRET}@h/d\n`,
      ),
      fc.string({ maxLength: 5, unit: 'binary' }),
    )
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 30 }),
        fc.constantFrom('yaml', 'json'),
        (pieces, extension) => {
          write({ [`config-${extension}/shards/a.${extension}`]: pieces.join('') })
          expectConfigOrRefusal(`config-${extension}`)
        },
      ),
      { numRuns: 2000 },
    )
  })
})
