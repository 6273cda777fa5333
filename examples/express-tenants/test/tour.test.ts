import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Demonstration, example } from './demonstration.ts'

test('the tour ends by itself, as README.md shows it, and leaves nothing', async () => {
  const demonstration = new Demonstration({ args: ['--once'] })
  expect(await demonstration.ended()).toBe(0)
  demonstration.expectNothingLeftNow()
  expect(demonstration.errors).toBe('')
  expect(stableParts(demonstration.output)).toEqual(stableParts(outputInReadme()))
})

test('a step that is not as expected is named, and nothing is left', async () => {
  const demonstration = new Demonstration({
    args: ['--once'],
    env: { SHERD_CONFIG: configWithGlobexMoved() },
  })
  expect(await demonstration.ended()).toBe(1)
  demonstration.expectNothingLeftNow()
  expect(demonstration.errors.trim()).toBe(
    'Step 1, “Each tenant is served by its own shard”, was not as expected. ' +
      'The shard of GET /projects of globex should be "shard_0", and is "shard_1".',
  )
})

test('without --once it goes on serving, until it is interrupted', async () => {
  const demonstration = new Demonstration()
  await demonstration.printed('until Ctrl-C')
  demonstration.expectServers()

  const [, url, tenant] = /curl (\S+) -H 'x-tenant-id: (\w+)'\n/.exec(demonstration.output) ?? []
  const answer = await fetch(url as string, { headers: { 'x-tenant-id': tenant as string } })
  expect(await answer.json()).toMatchObject({ shard: 'shard_0', projects: { length: 4 } })

  demonstration.signal('SIGINT')
  expect(await demonstration.ended()).toBe(0)
  demonstration.expectNothingLeftNow()
})

test.each([
  ['SIGINT', 'Starting two PostgreSQL servers', 130],
  ['SIGTERM', 'shard_0: 4 of 4 connections active', 143],
] as const)('%s at “%s” ends it and leaves nothing', async (signal, line, code) => {
  const demonstration = new Demonstration()
  await demonstration.printed(line)
  demonstration.signal(signal)
  expect(await demonstration.ended()).toBe(code)
  demonstration.expectNothingLeftNow()
  expect(demonstration.errors).toBe('')
})

test('SIGKILL leaves nothing', async () => {
  const demonstration = new Demonstration()
  await demonstration.printed('1  Each tenant')
  demonstration.expectServers()
  demonstration.signal('SIGKILL')
  expect(await demonstration.ended()).toBe(null)
  await demonstration.expectNothingLeft()
})

test('a crash leaves nothing', async () => {
  const crash = 'process.on("SIGUSR2", () => { throw new Error("a bug somewhere") })'
  const demonstration = new Demonstration({ imports: [`data:text/javascript,${encodeURIComponent(crash)}`] })
  await demonstration.printed('1  Each tenant')
  demonstration.expectServers()
  demonstration.signal('SIGUSR2')
  expect(await demonstration.ended()).toBe(1)
  expect(demonstration.errors).toContain('a bug somewhere')
  await demonstration.expectNothingLeft()
})

test('an unknown argument is refused', async () => {
  const demonstration = new Demonstration({ args: ['--twice'] })
  expect(await demonstration.ended()).not.toBe(0)
  expect(demonstration.errors).toContain("Unknown option '--twice'")
})

/** The example's configuration with a tenant on another shard than the tour expects. */
function configWithGlobexMoved(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'config-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  cpSync(path.join(example, 'config'), folder, { recursive: true })
  const move = (shard: string, from: string, to: string) => {
    const file = path.join(folder, 'shards', `${shard}.yaml`)
    writeFileSync(file, readFileSync(file, 'utf8').replace(from, to))
  }
  move('shard_0', '[acme, globex]', '[acme]')
  move('shard_1', '[initech, umbrella]', '[initech, umbrella, globex]')
  return folder
}

function outputInReadme(): string {
  const readme = readFileSync(path.join(example, 'README.md'), 'utf8')
  return /```text\n(.*?)```/s.exec(readme)?.[1] ?? ''
}

/** Paragraphs without what differs from run to run: numbers of processes and times, and the order of some answers. */
function stableParts(output: string): string[][] {
  const masked = output
    .replace(/backend \d+/g, 'backend N')
    .replace(/[Pp]ort \d+|127\.0\.0\.1:\d+/g, 'port N')
    .replace(/Retry-After: \d+/g, 'Retry-After: N')
    // A probe may be under way just then.
    .replace('BREAKER_HALF_OPEN', 'BREAKER_OPEN')
    .replace(/\d+ ms$/gm, 'N ms')
    .replace(/[\d.]+ s$/gm, 'N s')
    .replace(/^( *shard_\d)( +\d+)+$/gm, '$1 N')
    .replace(/ +/g, ' ')
  return masked
    .trim()
    .split(/\n\s*\n/)
    .map((paragraph) =>
      paragraph
        .split('\n')
        .map((line) => line.trim())
        .sort(),
    )
}
