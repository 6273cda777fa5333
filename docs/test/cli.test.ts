import { EventEmitter } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { main } from '@sherd/cli'
import { createDatabase } from '@sherd/local-servers/test-database'
import { afterAll, expect, test } from 'vitest'
import { codeBlocks, ROOT, readPage } from './support/markdown.ts'

// Inside the package, as an application has it.
const folder = mkdtempSync(join(ROOT, 'docs', '.cli-'))
const home = process.cwd()
process.chdir(folder)
afterAll(() => {
  process.chdir(home)
  rmSync(folder, { recursive: true })
})

const env = {
  SHARD_0_DATABASE_URL: await createDatabase(),
  SHARD_1_DATABASE_URL: await createDatabase(),
}
for (const { file, language, code } of codeBlocks(readPage('README.md'))) {
  if (language === 'yaml' && file !== undefined) write(file, code)
}
write(
  'migrations/20260101000000_create_projects.js',
  `export const up = (knex) => knex.schema.createTable('projects', (table) => table.text('name'))
export const down = (knex) => knex.schema.dropTable('projects')
`,
)

const steps = codeBlocks(readPage('docs/cli.md'))
  .filter(({ language }) => language === 'console')
  .flatMap(({ code }) => code.split(/^\$ npx sherd /m).slice(1))
  .map((step) => {
    const [words = '', ...lines] = step.split('\n')
    return { argv: words.split(' '), shown: lines.join('\n') }
  })

test.each(steps)('sherd $argv prints what docs/cli.md shows', async ({ argv, shown }) => {
  expect(withoutFigures(await output(argv))).toBe(withoutFigures(shown))
})

test('docs/cli.md shows the help of every command', async () => {
  const commands = async (argv: readonly string[]): Promise<string[]> => {
    const [, listed] = (await output([...argv, '--help'])).split('\nCommands:\n')
    if (listed === undefined) return [argv.join(' ')]
    const names = Array.from(listed.matchAll(/^ {2}(\w+)/gm), ([, name]) => name as string)
    // Its help is that of the whole program.
    const others = names.filter((name) => name !== 'help')
    return (await Promise.all(others.map((name) => commands([...argv, name])))).flat()
  }
  const shown = steps.flatMap(({ argv }) => (argv.at(-1) === '--help' ? [argv.slice(0, -1).join(' ')] : []))
  expect(shown.sort()).toEqual(['', ...(await commands([]))].sort())
})

function write(file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true })
  writeFileSync(join(folder, file), text)
}

/** Both streams, as a terminal shows them. */
async function output(argv: readonly string[]): Promise<string> {
  let text = ''
  const stream = {
    write(part: string) {
      text += part
    },
  }
  await main(argv, { stdout: stream, stderr: stream, env, signals: new EventEmitter() })
  return text
}

/** With two spaces between columns, and `#` for what differs from run to run and from server to server. */
function withoutFigures(text: string): string {
  return text
    .replace(/\d[\d.]*(?= (?:ms|of))|(?<=of )\d+|(?<=SQL )\d[\w.]*/g, '#')
    .replace(/(?<=\S) {2,}/g, '  ')
}
