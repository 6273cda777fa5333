import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { codedRows, ROOT, readPage } from './support/markdown.ts'

const core = join(ROOT, 'packages/core/src')
const page = codedRows(readPage('docs/resource-pools.md'))

/** The names of an interface's properties. */
function fieldsOf(file: string, names: readonly string[]): string[][] {
  const path = join(core, file)
  const program = ts.createProgram([path], { allowImportingTsExtensions: true, noEmit: true })
  const found = new Map<string, string[]>()
  ts.forEachChild(program.getSourceFile(path) as ts.SourceFile, (node) => {
    if (!ts.isInterfaceDeclaration(node)) return
    const type = program.getTypeChecker().getTypeAtLocation(node)
    found.set(
      node.name.text,
      type.getProperties().map(({ name }) => name),
    )
  })
  return names.map((name) => found.get(name)?.sort() ?? [])
}

test('docs/resource-pools.md has every option', { timeout: 60_000 }, () => {
  const [options] = fieldsOf('resources/resource-pool-options.ts', ['ResourcePoolOptions'])
  const documented = page.map(([name = '']) => name.slice(1, -1)).filter((name) => /^[a-zA-Z]+$/.test(name))
  expect(documented.sort()).toEqual(options)
})

test('docs/resource-pools.md has every event with its fields', { timeout: 60_000 }, async () => {
  const [plain, held] = fieldsOf('diagnostics/resource-pool-events.ts', [
    'ResourcePoolMessage',
    'ResourceHeldMessage',
  ])
  const channels = await import('../../packages/core/src/diagnostics/resource-pool-events.ts')
  const published = Object.values(channels).map(({ name }) => {
    const event = String(name).replace('sherd:', '')
    return [event, /leaked|recovered/.test(event) ? held : plain]
  })
  const documented = page
    .filter(([name]) => name?.startsWith('`resource-pool:'))
    .map(([name = '', , fields = '']) => [name.slice(1, -1), fields.replaceAll('`', '').split(', ').sort()])
  expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(published))
})
