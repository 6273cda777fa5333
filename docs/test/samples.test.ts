import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import ts from 'typescript'
import { afterAll, expect, test } from 'vitest'
import { codeBlocks, ROOT, readPage } from './support/markdown.ts'
import { pages } from './support/pages.ts'

// Inside the package, so that imports in the samples find what is installed here.
const folder = mkdtempSync(join(ROOT, 'docs', '.samples-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** What samples use without saying where it comes from. */
const SURROUNDINGS = `declare global {
  function allTenants(): Promise<string[]>
  function copyTemplates(): Promise<void>
  function currentPassword(): Promise<string>
  const directory: { shardOf(tenant: string): Promise<string | undefined> }
  function sendInvoice(): Promise<void>
}
export {}
`

test('every TypeScript sample of the documentation compiles', { timeout: 120_000 }, () => {
  const files = pages.flatMap((page) =>
    codeBlocks(readPage(page))
      .filter(({ language }) => language === 'ts')
      .map(({ code, info }, index) => {
        // Files of the examples keep their names, under which others import them.
        const name = info.startsWith('examples/') ? basename(info) : `${basename(page, '.md')}-${index}.ts`
        const file = join(folder, name)
        writeFileSync(file, code)
        return file
      }),
  )
  expect(files.length).toBeGreaterThan(3)
  const surroundings = join(folder, 'surroundings.d.ts')
  writeFileSync(surroundings, SURROUNDINGS)
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.base.json'), ts.sys.readFile)
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT)
  const program = ts.createProgram([surroundings, ...files], {
    ...options,
    noUnusedLocals: false,
    experimentalDecorators: true,
  })
  const inSamples = ts.getPreEmitDiagnostics(program).filter(({ file }) => file?.fileName.startsWith(folder))
  expect(
    ts.formatDiagnostics(inSamples, {
      getCanonicalFileName: (name) => name,
      getCurrentDirectory: () => folder,
      getNewLine: () => '\n',
    }),
  ).toBe('')
})
