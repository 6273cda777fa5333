import { expect, test } from 'vitest'
import { codedRows, readPage, sections } from './support/markdown.ts'

test('docs/operations.md says of each warning what it means and what to do', () => {
  const union = /export type HealthWarningCode =((?:\s+\| '[A-Z_]+')+)/.exec(
    readPage('packages/core/src/health/health-report.ts'),
  )
  const inCode = [...(union?.[1] ?? '').matchAll(/'([A-Z_]+)'/g)].map(([, code]) => code)
  expect(inCode.length).toBeGreaterThan(5)
  const warnings = sections(readPage('docs/operations.md')).find(({ title }) =>
    title.includes('What each warning means'),
  )
  const rows = codedRows(warnings?.text ?? '')
  expect(rows.map(([code]) => code?.slice(1, -1)).sort()).toEqual([...inCode].sort())
  for (const row of rows) expect(row.filter((cell) => cell !== '')).toHaveLength(3)
})
