import { expect, test } from 'vitest'
import { plain } from '../src/style.ts'
import { table } from '../src/table.ts'

const rows = [
  [{ text: 'shard_0' }, { text: 'reachable', format: 'green' }, { text: '' }, { text: '$&' }],
  [{ text: 'a' }, { text: '', format: 'red' }, { text: '' }, { text: 'last' }],
] as const

test('columns are as wide as their widest cell, and empty ones are left out', () => {
  expect(table(['SHARD', 'STATE', 'NEVER', 'LAST COLUMN'], rows, plain)).toBe(`\
SHARD    STATE      LAST COLUMN
shard_0  reachable  $&
a                   last`)
})

test('colours take no room', () => {
  const style = (format: string, text: string) => `<${format}>${text}</>`
  expect(table(['SHARD', 'STATE', 'NEVER', 'LAST'], rows, style)).toBe(`\
<bold>SHARD</>    <bold>STATE</>      <bold>LAST</>
shard_0  <green>reachable</>  $&
a                   last`)
})
