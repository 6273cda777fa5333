import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { folder } from './support/folder.ts'
import { run } from './support/run.ts'

const sound = folder({
  'sharding.yaml': 'defaults: { client: libsql }',
  'shards/shard_0.yaml': 'connection: ":memory:"\ntenants: [acme]',
  'shards/shard_1.yaml': 'connection: ":memory:"\ntenants: [globex]',
})
const broken = folder({ 'shards/shard_0.yaml': 'connection: [unclosed' })
const modules = folder({
  'nothing.mjs': 'export default 42',
  'throws.mjs': 'throw new Error("no such luck")',
})
const missing = join(sound, 'nowhere')

/** Arguments, and the one line that is said about them. */
const INPUTS: readonly [string, readonly string[], string | RegExp][] = [
  ['no command', [], 'say which command: check, status, route'],
  ['an unknown command', ['destroy'], "unknown command 'destroy'"],
  ['a mistyped command', ['stauts'], "unknown command 'stauts' (Did you mean status?)"],
  ['help for an unknown command', ['help', 'destroy'], 'say which command: check, status, route'],
  ['an unknown option', ['check', '--force'], "unknown option '--force'"],
  [
    'a mistyped option',
    ['route', 'acme', '--explian'],
    "unknown option '--explian' (Did you mean --explain?)",
  ],
  [
    'an unknown option before the command',
    ['--jso', 'check'],
    "unknown option '--jso' (Did you mean --json?)",
  ],
  ['a missing argument', ['route'], "missing required argument 'tenant'"],
  [
    'an argument too many',
    ['route', 'acme', 'globex'],
    "too many arguments for 'route'. Expected 1 argument but got 2.",
  ],
  [
    'an argument too many where none is taken',
    ['check', 'all'],
    "too many arguments for 'check'. Expected 0 arguments but got 1.",
  ],
  ['an option without its value', ['check', '--config'], "option '--config <folder>' argument missing"],
  [
    'two sources',
    ['check', '--config', sound, '--sharding', 'app.js'],
    "option '--sharding <file>' cannot be used with option '--config <folder>'",
  ],
  ['a module that is not there', ['check', '--sharding', 'nowhere.js'], 'there is no file nowhere.js'],
  [
    'a module without a Sharding',
    ['check', '--sharding', join(modules, 'nothing.mjs')],
    /nothing\.mjs exports neither a Sharding nor a configuration: export one as default, as "sharding" or as "config"$/,
  ],
  [
    'a module that throws',
    ['check', '--sharding', join(modules, 'throws.mjs')],
    /throws\.mjs cannot be loaded: no such luck$/,
  ],
  ['an empty tenant', ['route', '', '--config', sound], /^A tenant id must not be empty/],
  ...['-1', '0', '1.5', 'soon', '', '1e3', '99999999999'].map((value): [string, string[], string] => [
    `a timeout of "${value}"`,
    ['status', `--timeout=${value}`, '--config', sound],
    `option '--timeout <ms>' argument '${value}' is invalid. Give a whole number from 1 to 2147483647.`,
  ]),
  [
    'a concurrency of nothing',
    ['status', '--concurrency', '0'],
    "option '--concurrency <count>' argument '0' is invalid. Give a whole number from 1 to 2147483647.",
  ],
]

describe('bad input is told in one line, with exit code 2, and a document where one is asked for', () => {
  test.each(INPUTS)('%s', async (_name, argv, line) => {
    const { exitCode, stdout, stderr } = await run(argv)
    expect(exitCode).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^sherd: .+\n$/)
    const said = stderr.slice('sherd: '.length, -1)
    if (typeof line === 'string') expect(said).toBe(line)
    else expect(said).toMatch(line)

    const scripted = await run(['--json', ...argv])
    expect(scripted.exitCode).toBe(2)
    expect(JSON.parse(scripted.stdout)).toEqual({ error: { code: expect.any(String), message: said } })
  })
})

describe('a configuration that cannot be used has exit code 2 with every command', () => {
  test.each([['check'], ['status'], ['route', 'acme']])('%s', async (...argv) => {
    for (const config of [missing, broken]) {
      const { exitCode, stdout, stderr } = await run([...argv, '--config', config])
      expect(exitCode).toBe(2)
      expect(stdout + stderr).toContain('The sharding configuration has a problem:')
      expect(stdout + stderr).toContain(join(config, 'shards'))
    }
  })

  test('and is told as a document', async () => {
    const { stdout } = await run(['status', '--config', missing, '--json'])
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'SHARD_ERR_CONFIG_INVALID', problems: [{ file: join(missing, 'shards') }] },
    })
  })
})

test('what is said about the environment never shows its secrets', async () => {
  const config = folder({ 'shards/shard_0.yaml': 'client: pg\nconnection: ${DSN}\npool: { max: "${DSN}" }' })
  const env = { DSN: 'postgres://app:geheim@127.0.0.1/app' }
  for (const argv of [['check'], ['check', '--json'], ['status'], ['status', '--json']]) {
    const { exitCode, stdout, stderr } = await run([...argv, '--config', config], { env })
    expect(exitCode).toBe(2)
    expect(stdout + stderr).toContain('pool.max')
    expect(stdout + stderr).not.toContain('geheim')
  }
})
