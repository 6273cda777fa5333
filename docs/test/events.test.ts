import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { codedRows, ROOT, readPage } from './support/markdown.ts'

const SOURCE = join(ROOT, 'packages/core/src/diagnostics/sharding-events.ts')

/** Every event and the fields of its payload, as the types have them. */
function typedEvents(): Map<string, string[]> {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.base.json'), ts.sys.readFile)
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT)
  const program = ts.createProgram([SOURCE], options)
  const checker = program.getTypeChecker()
  const found = new Map<string, string[]>()
  ts.forEachChild(program.getSourceFile(SOURCE) as ts.SourceFile, (node) => {
    if (!ts.isInterfaceDeclaration(node) || node.name.text !== 'ShardingEvents') return
    for (const event of checker.getTypeAtLocation(node).getProperties()) {
      const payload = checker.getTypeOfSymbol(event)
      found.set(
        event.name,
        payload.getProperties().map(({ name }) => name),
      )
    }
  })
  return found
}

test('docs/events.md has every event with the fields that its type has', { timeout: 60_000 }, () => {
  const typed = [...typedEvents()].map(([event, fields]) => [
    event,
    fields.filter((name) => name !== 'sharding').sort(),
  ])
  expect(typed.length).toBeGreaterThan(20)
  const documented = codedRows(readPage('docs/events.md')).map(([event = '', when, fields = '']) => {
    expect(when, event).not.toBe('')
    return [event.slice(1, -1), fields.replaceAll('`', '').split(', ').sort()]
  })
  expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(typed))
})
