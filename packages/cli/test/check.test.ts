import { ConfigInvalidError, createSharding } from '@sherd/core'
import { expect, test } from 'vitest'
import { folder } from './support/folder.ts'
import { run } from './support/run.ts'

const sound = folder({
  'sharding.yaml': 'defaults: { client: libsql }',
  'shards/shard_0.yaml': 'connection: ":memory:"\ntenants: [acme]',
  'shards/shard_1.yaml': 'connection: ":memory:"\ntenants: [globex]',
})
const faulty = folder({
  'sharding.yaml': 'defaults: { cleint: pg }',
  'shards/shard_0.yaml': 'connection: ${NOT_SET}\npool: { max: 0 }',
})

test('check says that a sound configuration is sound', async () => {
  expect(await run(['check', '--config', sound])).toEqual({
    exitCode: 0,
    stdout: 'The sharding configuration is sound: 2 shards.\n',
    stderr: '',
  })
  const { stdout } = await run(['check', '--config', sound, '--json'])
  expect(JSON.parse(stdout)).toEqual({ valid: true, shards: ['shard_0', 'shard_1'], problems: [] })
})

test('check finds the folder as an application does', async () => {
  expect((await run(['check'], { env: { SHERD_CONFIG: sound } })).exitCode).toBe(0)
})

test('check says all that is wrong, as the API does', async () => {
  let said = ''
  try {
    createSharding({ config: faulty, env: {} })
  } catch (error) {
    said = (error as ConfigInvalidError).message
  }
  expect(said).toContain('has 3 problems')
  expect(await run(['check', '--config', faulty])).toEqual({ exitCode: 2, stdout: `${said}\n`, stderr: '' })

  const { exitCode, stdout } = await run(['check', '--config', faulty, '--json'])
  const { valid, problems } = JSON.parse(stdout)
  expect({ exitCode, valid }).toEqual({ exitCode: 2, valid: false })
  expect(new ConfigInvalidError(problems).message).toBe(said)
})

test('colours are for terminals, and for who wants them', async () => {
  const argv = ['check', '--config', faulty]
  const colour = '\u001b['
  expect((await run(argv)).stdout).not.toContain(colour)
  expect((await run(argv, { isTTY: true })).stdout).toContain(colour)
  expect((await run(argv, { isTTY: true, env: { NO_COLOR: '1' } })).stdout).not.toContain(colour)
  expect((await run(argv, { isTTY: true, env: { TERM: 'dumb' } })).stdout).not.toContain(colour)
})
