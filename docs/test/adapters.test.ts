import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { ROOT } from './support/markdown.ts'

/** Lines that are left of a source without its comments. */
function linesOfCode(source: string): number {
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, false, ts.LanguageVariant.Standard, source)
  const isComment = (kind: ts.SyntaxKind) =>
    kind === ts.SyntaxKind.SingleLineCommentTrivia || kind === ts.SyntaxKind.MultiLineCommentTrivia
  let code = ''
  for (let kind = scanner.scan(); kind !== ts.SyntaxKind.EndOfFileToken; kind = scanner.scan()) {
    if (!isComment(kind)) code += scanner.getTokenText()
  }
  return code.split('\n').filter((line) => line.trim() !== '').length
}

test('comments and empty lines are no code', () => {
  expect(linesOfCode('/** a\n * b */\nconst x = 1 // y\n\n// z\nexport { x }\n')).toBe(2)
})

test('the adapters hold no decision: below 350 lines of code together', () => {
  const files = ['express', 'fastify'].flatMap((name) => {
    const folder = join(ROOT, 'packages', name, 'src')
    return readdirSync(folder).map((file) => join(folder, file))
  })
  expect(files.length).toBeGreaterThan(5)
  const lines = files.map((file) => linesOfCode(readFileSync(file, 'utf8')))
  expect(lines.reduce((sum, count) => sum + count, 0)).toBeLessThan(350)
})
