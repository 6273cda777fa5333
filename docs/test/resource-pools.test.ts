import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { ResourceUnavailableError } from '@sherd/core'
import ts from 'typescript'
import { afterAll, expect, test, vi } from 'vitest'
import { codeBlocks, codedRows, ROOT, readPage } from './support/markdown.ts'

const core = join(ROOT, 'packages/core/src')
const page = codedRows(readPage('docs/resource-pools.md'))

// Inside the package, so that imports in the samples find what is installed here.
const folder = mkdtempSync(join(ROOT, 'docs', '.resources-'))
afterAll(() => rmSync(folder, { recursive: true }))

function sampleWith(text: string, replace: (code: string) => string = (code) => code): Promise<unknown> {
  const samples = codeBlocks(readPage('docs/resource-pools.md')).filter(({ code }) => code.includes(text))
  expect(samples).toHaveLength(1)
  const file = join(folder, `${text}.ts`)
  writeFileSync(file, replace(samples[0]?.code ?? ''))
  return import(file)
}

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

test('the sample of the global pool prints what it says', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  await sampleWith('resourcePool.setup')
  const said = codeBlocks(readPage('docs/resource-pools.md'))
    .flatMap(({ code }) => [...code.matchAll(/console\.log.*\/\/ (.*)$/gm)])
    .map(([, text]) => text)
  expect(log.mock.calls.map((args) => args.join(' '))).toEqual(said.map((text) => text?.replace('null', '')))
  log.mockRestore()
})

test('the sample for Kafka comes as far as its broker, which is not there', { timeout: 30_000 }, async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  const loaded = sampleWith('transactionalId', (code) =>
    code.replace(
      "['localhost:9092']",
      `['127.0.0.1:${port}'], retry: { retries: 1, initialRetryTime: 10 }, logLevel: 0`,
    ),
  )
  const error = await loaded.then(
    () => undefined,
    (reason) => reason,
  )
  expect(error).toBeInstanceOf(ResourceUnavailableError)
  expect(String(error.cause)).toMatch(/^KafkaJS.*ECONNREFUSED/)
})
