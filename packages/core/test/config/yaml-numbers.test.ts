import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/config/load-config.ts'
import { GOOD_SHARD, inEmptyFolder, refusal, write } from './in-folder.ts'

inEmptyFolder()

function tenantsOf(list: string): readonly string[] | undefined {
  write({ 'config/shards/a.yaml': `${GOOD_SHARD}tenants: ${list}\n` })
  return loadConfig('config', {}).shards.get('a')?.tenants
}

describe('numbers in YAML', () => {
  it('are tenant ids with every digit as it is written', () => {
    expect(tenantsOf('[42, 007, 1e3, 0x1F, 1.50, 12345678901234567890, -3, .5, .inf]')).toEqual([
      '42',
      '007',
      '1e3',
      '0x1F',
      '1.50',
      '12345678901234567890',
      '-3',
      '.5',
      '.inf',
    ])
  })

  it('are limits only where they are written as plain numbers', () => {
    write({ 'config/shards/a.yaml': `${GOOD_SHARD}pool: { max: 010, min: 1e0 }\n` })
    expect(refusal('config')).toMatchInlineSnapshot(`
      "The sharding configuration has 2 problems:
        config/shards/a.yaml › pool.max
          must be a whole number from 1 to 10000 (found '010')
          → Write for example \`max: 20\`, or leave it out for the default, 10.
        config/shards/a.yaml › pool.min
          must be a whole number from 0 to 10000 (found '1e0')
          → Write for example \`min: 2\`, or leave it out for the default, 0."
    `)
  })

  it('that have a fraction, and other words of YAML, are no tenant ids', () => {
    write({ 'config/shards/a.yaml': `${GOOD_SHARD}tenants: [1.5, true, null, [a]]\n` })
    expect(refusal('config')).toMatchInlineSnapshot(`
      "The sharding configuration has 4 problems:
        config/shards/a.yaml › tenants[0]
          must be a tenant id: a text of 1 to 255 characters without control characters, or a whole number (found 1.5)
          → Put it in quotes: \`"1.5"\`.
        config/shards/a.yaml › tenants[1]
          must be a tenant id: a text of 1 to 255 characters without control characters, or a whole number (found true)
          → Put it in quotes: \`"true"\`.
        config/shards/a.yaml › tenants[2]
          must be a tenant id: a text of 1 to 255 characters without control characters, or a whole number (found null)
          → Put it in quotes: \`"null"\`.
        config/shards/a.yaml › tenants[3]
          must be a tenant id: a text of 1 to 255 characters without control characters, or a whole number (found [ 'a' ])
          → Write for example \`acme\`."
    `)
  })

  it('beyond 2^53 are bounds of ranges with every digit', () => {
    write({
      'config/sharding.yaml': 'router: { strategy: range }',
      'config/shards/a.yaml': `${GOOD_SHARD}ranges: [{ from: 9007199254740993, to: 12345678901234567890 }]\n`,
    })
    expect(loadConfig('config', {}).shards.get('a')?.ranges).toEqual([
      { from: 9007199254740993n, to: 12345678901234567890n },
    ])
  })
})
