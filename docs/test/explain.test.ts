import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { inspect } from 'node:util'
import { createSharding } from '@sherd/core'
import { afterAll, expect, test } from 'vitest'
import { codeBlocks, ROOT, readPage, sections } from './support/markdown.ts'

const home = process.cwd()
const folder = mkdtempSync(join(ROOT, 'docs', '.explain-'))
process.chdir(folder)
afterAll(() => {
  process.chdir(home)
  rmSync(folder, { recursive: true })
})

test('explain answers what docs/routing.md shows', async () => {
  const section = sections(readPage('docs/routing.md')).find(({ text }) => text.includes('.explain('))
  const blocks = codeBlocks(section?.text ?? '')
  for (const { file, code } of blocks) {
    if (file === undefined) continue
    mkdirSync(join(folder, dirname(file)), { recursive: true })
    writeFileSync(join(folder, file), code)
  }
  const env = { SHARD_0_DATABASE_URL: 'postgres://h/a', SHARD_1_DATABASE_URL: 'postgres://h/b' }
  const [, tenant = ''] = /explain\('(\w+)'\)/.exec(section?.text ?? '') ?? []
  const shown = blocks.find(({ language }) => language === 'console')?.code
  expect(`$ npx tsx where.ts\n${inspect(await createSharding({ env }).explain(tenant))}\n`).toBe(shown)
})
