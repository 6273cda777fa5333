import { expect, test } from 'vitest'
import { RULES } from '../../packages/reliability/src/chaos/history/findings.ts'
import { matrix } from '../../packages/reliability/src/matrix.ts'
import { readPage, sections } from './support/markdown.ts'

function rowsOf(title: string): string[][] {
  const text =
    sections(readPage('docs/reliability.md')).find((section) => section.title === title)?.text ?? ''
  return text
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
}

test('the fault matrix of docs/reliability.md has the rows of the matrix that is tested', () => {
  const rows = rowsOf('## The fault matrix').slice(2)
  expect(rows.map((cells) => cells.slice(0, 4))).toEqual(
    matrix.map(({ number, fault, expected, figure }) => [String(number), fault, expected, figure ?? '']),
  )
})

test('the chaos of docs/reliability.md tells of everything that is looked for', () => {
  const names = rowsOf('### What came of it').map(([name]) => name)
  expect(names).toEqual(expect.arrayContaining(Object.values(RULES)))
})
