import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { processesIn } from '@sherd/local-servers/traces'
import { expect, onTestFinished, test } from 'vitest'

const example = fileURLToPath(new URL('..', import.meta.url))

test('the demonstration prints what README.md shows, ends by itself and leaves nothing', async () => {
  const { code, output, errors, temporary } = await run()
  expect({ code, errors }).toEqual({ code: 0, errors: '' })
  const readme = readFileSync(path.join(example, 'README.md'), 'utf8')
  expect(output.trim()).toBe(/```text\n(.*?)```/s.exec(readme)?.[1]?.trim())
  expect(processesIn(temporary)).toEqual([])
  expect(readdirSync(temporary)).toEqual([])
})

async function run() {
  const temporary = mkdtempSync(path.join(tmpdir(), 'demonstration-'))
  chmodSync(temporary, 0o755) // As root, PostgreSQL runs as another user.
  onTestFinished(() => rmSync(temporary, { recursive: true }))
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts'], {
    cwd: example,
    env: { ...process.env, TMPDIR: temporary, TSX_DISABLE_CACHE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [output, errors] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors += text
  })
  const [code] = await once(child, 'close')
  return { code, output, errors, temporary }
}
