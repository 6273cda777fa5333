import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folder } from './support/folder.ts'
import { run } from './support/run.ts'

const core = JSON.stringify(import.meta.resolve('@sherd/core'))
const config = `{ router: { strategy: 'lookup', lookup: async (tenant) => tenant === 'acme' ? 'shard_1' : undefined },
  defaults: { client: 'libsql' },
  shards: { shard_0: { connection: ':memory:' }, shard_1: { connection: ':memory:' } } }`

const modules = folder({
  'package.json': '{ "type": "module" }',
  'default.js': `export default ${config}`,
  'named.js': `export const config = ${config}`,
  'promise.js': `export const config = Promise.resolve(${config})`,
  'compiled.cjs': `exports.__esModule = true; exports.default = ${config}`,
  'common.cjs': `module.exports = ${config}`,
  'made.js': `import { createSharding } from ${core}
export const sharding = createSharding({ config: ${config} })
globalThis.made = sharding`,
  'wrong.js': `export default { shards: { shard_0: {} } }`,
})

test.each(['default.js', 'named.js', 'promise.js', 'compiled.cjs', 'common.cjs', 'made.js'])(
  'the configuration that code makes is taken from %s',
  async (file) => {
    expect(await run(['route', 'acme', '--sharding', join(modules, file)])).toEqual({
      exitCode: 0,
      stdout: 'shard_1\n',
      stderr: '',
    })
  },
)

test("a module's own Sharding is closed", async () => {
  await run(['status', '--sharding', join(modules, 'made.js')])
  const { made } = globalThis as unknown as { made: import('@sherd/core').Sharding }
  await expect(made.connectedTo('shard_0', () => {})).rejects.toThrow(/closed/)
})

test('what is wrong with such a configuration is told', async () => {
  const { exitCode, stdout } = await run(['check', '--sharding', join(modules, 'wrong.js')])
  expect(exitCode).toBe(2)
  expect(stdout).toContain('config › shards.shard_0.connection')
})
