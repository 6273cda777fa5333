import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT, readPage } from './support/markdown.ts'

const RULE = /\b[SL]\d+\b/g

test('docs/guarantees.md and the names of the tests speak of the same rules', () => {
  const promised = [...readPage('docs/guarantees.md').matchAll(/^\*\*([SL]\d+)\./gm)].map(([, id]) => id)
  expect(promised).toEqual([...new Set(promised)])
  expect([...rulesInTestNames()].sort()).toEqual([...promised].sort())
})

/** `test('S4: …')`, `describe('L3, L4: …')`. */
function rulesInTestNames(): Set<string> {
  const names = testFiles().flatMap((file) => {
    const source = readFileSync(file, 'utf8')
    return [...source.matchAll(/\b(?:test|it|describe)(?:\.\w+)*(?:\([^'"`]*\))?\(\s*['"`]([^:'"`]*):/g)]
  })
  return new Set(names.flatMap(([, ids = '']) => ids.match(RULE) ?? []))
}

/** Those of each package, and the contract that adapters run as theirs. */
function testFiles(): string[] {
  const packages = readdirSync(join(ROOT, 'packages')).map((name) => join(ROOT, 'packages', name, 'test'))
  const contract = join(ROOT, 'packages', 'conformance', 'src')
  return [
    ...packages.filter(existsSync).flatMap((folder) => filesIn(folder, '.test.ts')),
    ...filesIn(contract, '.ts'),
  ]
}

function filesIn(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name))
}
