import { existsSync } from 'node:fs'
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
const database = join(modules, 'shard_0.db')
const migrations = folder({
  '1_projects.cjs': `exports.up = (knex) => knex.raw('create table projects (name text)')
exports.down = (knex) => knex.raw('drop table projects')`,
})
const onFile = folder({ 'shards/shard_0.yaml': `client: libsql\nconnection: ${database}` })
const migrating = ['--config', onFile, '--directory', migrations]

/** Arguments, and the one line that is said about them. */
const INPUTS: readonly [string, readonly string[], string | RegExp][] = [
  ['no command', [], 'say which command: check, status, route, migrate'],
  ['an unknown command', ['destroy'], "unknown command 'destroy'"],
  ['a mistyped command', ['stauts'], "unknown command 'stauts' (Did you mean status?)"],
  ['help for an unknown command', ['help', 'destroy'], 'say which command: check, status, route, migrate'],
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
    'an empty folder',
    ['check', '--config', ''],
    /^option '--config <folder>' argument '' is invalid. Give a text/,
  ],
  [
    'an empty module',
    ['check', '--sharding='],
    /^option '--sharding <file>' argument '' is invalid. Give a text/,
  ],
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
  [
    'migrations of which a folder is not there, whatever is to be asked first',
    ['status', '--config', onFile, '--directory', migrations, '--directory', missing],
    `option '--directory <folder>' argument '${missing}' is invalid. There is no such folder.`,
  ],
  [
    'migrations in a file',
    ['status', '--config', onFile, '--directory', join(migrations, '1_projects.cjs')],
    /There is no such folder\.$/,
  ],
  ...['--table', '--schema'].map((option): [string, string[], RegExp] => [
    `status: an empty ${option}`,
    ['status', '--config', onFile, option, ''],
    new RegExp(`^option '${option} <name>' argument '' is invalid. Give a text`),
  ]),
  ['no command of a group', ['migrate'], 'say which command: latest, rollback, status'],
  ['a mistyped command of a group', ['migrate', 'lates'], "unknown command 'lates' (Did you mean latest?)"],
  ...['latest', 'rollback', 'status'].flatMap((command): [string, string[], string | RegExp][] => [
    [
      `${command}: an argument too many`,
      ['migrate', command, 'shard_0', ...migrating],
      `too many arguments for '${command}'. Expected 0 arguments but got 1.`,
    ],
    [
      `${command}: a mistyped option`,
      ['migrate', command, '--concurency', '3', ...migrating],
      "unknown option '--concurency' (Did you mean --concurrency?)",
    ],
    [
      `${command}: an unknown shard`,
      ['migrate', command, '--shard', 'shrad_0', ...migrating],
      'No shard is named "shrad_0". Did you mean "shard_0"?',
    ],
    [
      `${command}: a shard like no other`,
      ['migrate', command, '--shard', 'elsewhere', ...migrating],
      'No shard is named "elsewhere". There are: shard_0.',
    ],
    [
      `${command}: a folder that is not there`,
      ['migrate', command, '--config', onFile, '--directory', missing],
      `option '--directory <folder>' argument '${missing}' is invalid. There is no such folder.`,
    ],
    ...['--concurrency', '--concurrency-per-server', '--checkout-timeout'].map(
      (option): [string, string[], RegExp] => [
        `${command}: ${option} that is no number`,
        ['migrate', command, option, 'many', ...migrating],
        new RegExp(`^option '${option} <\\w+>' argument 'many' is invalid. Give a whole number from 1 to `),
      ],
    ),
    ...['--shard', '--directory', '--table', '--schema'].flatMap((option): [string, string[], RegExp][] => [
      [
        `${command}: ${option} without its value`,
        ['migrate', command, ...migrating, option],
        new RegExp(`^option '${option} <\\w+>' argument missing$`),
      ],
      [
        `${command}: an empty ${option}`,
        ['migrate', command, ...migrating, option, ''],
        new RegExp(`^option '${option} <\\w+>' argument '' is invalid. Give a `),
      ],
    ]),
  ]),
  ...['latest', 'rollback'].flatMap((command): [string, string[], string | RegExp][] => [
    [
      `${command}: a canary that is none of the shards`,
      ['migrate', command, '--canary', 'shard_9', ...migrating],
      /^The canary "shard_9" .* is none of the shards/,
    ],
    [
      `${command}: an empty canary`,
      ['migrate', command, '--canary=', ...migrating],
      /^option '--canary <shard>' argument '' is invalid. Give a text/,
    ],
    [
      `${command}: a lock timeout that is no number`,
      ['migrate', command, '--lock-timeout', 'never', ...migrating],
      "option '--lock-timeout <ms>' argument 'never' is invalid. Give a whole number from 1 to 2147483647.",
    ],
  ]),
  ['latest: an option of rollback', ['migrate', 'latest', '--all', ...migrating], "unknown option '--all'"],
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

test('none of that has opened a database', () => {
  expect(existsSync(database)).toBe(false)
})

test('of these, the same words without what is wrong do', async () => {
  expect((await run(['migrate', 'latest', ...migrating])).exitCode).toBe(0)
  expect(existsSync(database)).toBe(true)
})

describe('a configuration that cannot be used has exit code 2 with every command', () => {
  test.each([
    ['check'],
    ['status'],
    ['route', 'acme'],
    ['migrate', 'latest'],
    ['migrate', 'rollback'],
    ['migrate', 'status'],
  ])('%s', async (...argv) => {
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
