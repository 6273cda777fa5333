import { describe, expect, test } from 'vitest'
import { type Node, type Option, optionsOf, shippedSchema } from './support/json-schema.ts'
import { codedRows, readPage, sections } from './support/markdown.ts'

const page = sections(readPage('docs/configuration.md'))
const sharding = shippedSchema('sharding')
const shard = shippedSchema('shard')

/** The tables under a heading and the smaller headings below it. */
function documented(...titles: string[]): Option[] {
  const texts = titles.map((title) => page.find((section) => section.title === title)?.text ?? '')
  return codedRows(texts.join('\n')).map(([name = '', type = '', unit, fallback = '', meaning = '']) => {
    expect(meaning, `meaning of ${name}`).not.toBe('')
    return { name: name.slice(1, -1), type, isDuration: unit === 'ms', default: fallback }
  })
}

const byName = (options: readonly Option[]) => [...options].sort((a, b) => (a.name < b.name ? -1 : 1))

describe('the tables of options in docs/configuration.md have every option with its type, unit and default', () => {
  test('of sharding.yaml', () => {
    const options = optionsOf(sharding, ['defaults', 'shared'])
    expect(options.length).toBeGreaterThan(15)
    expect(byName(documented('### `sharding.yaml`'))).toEqual(byName(options))
  })

  test('of a shard', () => {
    const options = optionsOf(shard, ['replicas[].pool'])
    expect(options.length).toBeGreaterThan(35)
    expect(byName(documented("### A shard's file", '#### `pool`', '#### `breaker`', '#### `knex`'))).toEqual(
      byName(options),
    )
  })

  test('and what they say once holds in the other places, too', () => {
    const option = (path: string, root: Node) =>
      path.split('.').reduce<Node>((node, key) => (node.items ?? node).properties?.[key] ?? {}, root)
    expect(option('replicas.pool', shard)).toEqual(option('pool', shard))
    for (const [name, node] of Object.entries(option('defaults', sharding).properties ?? {})) {
      expect(node).toEqual(option(name, shard))
    }
    for (const [name, node] of Object.entries(option('shared', sharding).properties ?? {})) {
      expect(node).toEqual(option(name, shard))
    }
  })
})
