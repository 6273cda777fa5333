import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CANNOT, FEATURES, type Feature } from '../../packages/core/test/support/engines/features.ts'
import { ROOT, readPage, sections } from './support/markdown.ts'

const suites = join(ROOT, 'packages/core/test/integration')

/** The rules in the names of the tests that need a feature. */
function rulesOf(feature: Feature): string {
  const names = readdirSync(suites)
    .filter((file) => file.endsWith('.test.ts'))
    .flatMap((file) => [
      ...readFileSync(join(suites, file), 'utf8').matchAll(/test\.needs\(([^)]*)\)\(\s*['"`]([^:'"`]*):/g),
    ])
    .filter(([, needs = '']) => needs.includes(`'${feature}'`))
  const rules = new Set(names.flatMap(([, , ids = '']) => ids.match(/\b[SL]\d+\b/g) ?? []))
  return [...rules].sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).join(', ')
}

test('the table of docs/databases.md says what each database skips, of which rules, and why', () => {
  const table = sections(readPage('docs/databases.md')).find(
    ({ title }) => title === '## What the suites skip',
  )
  const rows = (table?.text ?? '')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
  const expected = (Object.keys(FEATURES) as Feature[]).map((feature) => [
    FEATURES[feature],
    rulesOf(feature),
    CANNOT.MariaDB[feature] ?? 'yes',
    CANNOT['SQLite (libsql)'][feature] ?? 'yes',
  ])
  expect(rows).toEqual(expected)
  for (const [what, rules] of rows) expect(rules, `no test needs: ${what}`).not.toBe('')
  expect(CANNOT['SQLite (better-sqlite3)']).toEqual(CANNOT['SQLite (libsql)'])
  expect(CANNOT.PostgreSQL).toEqual({})
})
