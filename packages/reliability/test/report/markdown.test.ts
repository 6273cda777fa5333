import { expect, test } from 'vitest'
import { milliseconds, replaceBetween, table } from '../../src/report/markdown.ts'
import { matrixTable } from '../../src/report/matrix-table.ts'

test('only what stands between its marks is replaced, and a second time changes nothing', () => {
  const page = 'before\n\n<!-- part -->\n\nold\n\n<!-- end of part -->\n\nafter\n'
  const once = replaceBetween(page, 'part', 'new')
  expect(once).toBe('before\n\n<!-- part -->\n\nnew\n\n<!-- end of part -->\n\nafter\n')
  expect(replaceBetween(once, 'part', 'new')).toBe(once)
  expect(() => replaceBetween(page, 'another', 'new')).toThrow('<!-- another -->')
})

test('a table keeps its cells apart', () => {
  expect(table(['a', 'b'], [['1 | 2', '3']])).toBe('| a | b |\n| --- | --- |\n| 1 \\| 2 | 3 |')
})

test('what was not measured is no number', () => {
  expect([
    milliseconds(undefined),
    milliseconds(Number.NaN),
    milliseconds(1.26),
    milliseconds(1234.5),
  ]).toEqual(['–', '–', '1.3 ms', '1,235 ms'])
})

test('what was measured stands in its row, and what missed its figure says so', () => {
  const lines = matrixTable([
    { row: 8, measured: 2.34, figure: 5, unit: 'ms (p50)', met: true, name: 'Sherd' },
    { row: 8, measured: 2003, figure: 5, unit: 'ms (p50)', met: false },
  ]).split('\n')
  expect(lines[9]).toContain('| Sherd: 2.3 ms (p50); 2,003 ms (p50) (**missed**) |')
})
