import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folder } from './support/folder.ts'
import { run } from './support/run.ts'

const config = folder({
  'sharding.yaml': 'defaults: { client: libsql }',
  'shards/shard_0.yaml': 'connection: ":memory:"\ntenants: [acme]',
})

test('route prints the shard and nothing else', async () => {
  expect(await run(['route', 'acme', '--config', config])).toEqual({
    exitCode: 0,
    stdout: 'shard_0\n',
    stderr: '',
  })
  const { stdout } = await run(['--json', '--config', config, 'route', 'acme'])
  expect(JSON.parse(stdout)).toEqual({ tenant: 'acme', shard: 'shard_0' })
})

test('route --explain says why', async () => {
  const source = `${join(config, 'shards/shard_0.yaml')} › tenants[0]`
  const argv = ['route', 'acme', '--explain', '--config', config]
  expect((await run(argv)).stdout).toBe(`shard_0: by the strategy "static", from ${source}\n`)
  expect(JSON.parse((await run([...argv, '--json'])).stdout)).toEqual({
    tenant: 'acme',
    shard: 'shard_0',
    strategy: 'static',
    source,
    cached: false,
  })
})

test('a tenant that is nowhere is a failure, not bad input', async () => {
  const { exitCode, stdout, stderr } = await run(['route', 'nobody', '--config', config])
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
  expect(stderr).toMatch(/^sherd: .*"nobody".*\n$/)
})

test('a tenant that looks like an option stands behind --', async () => {
  const { exitCode, stderr } = await run(['route', '--config', config, '--', '--json'])
  expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining('"--json"') })
})
