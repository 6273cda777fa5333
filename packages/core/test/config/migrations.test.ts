import { expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load-config.ts'
import { inEmptyFolder, refusal, write } from './in-folder.ts'

inEmptyFolder()

test('folders of migrations are seen from the file that names them, in an object from the working directory', () => {
  const here = process.cwd()
  write({
    'config/sharding.yaml':
      'defaults: { client: pg, migrations: { directory: ../migrations, tableName: done } }\n' +
      'shared: { connection: "postgres://db/s", migrations: { schemaName: app } }\n',
    'config/shards/one.yaml': 'connection: postgres://db/1\ntenants: [a]\n',
    'config/shards/two.yaml': 'connection: postgres://db/2\nmigrations: { directory: [./own, /elsewhere] }\n',
  })
  const { shards, shared } = loadConfig(undefined, {})
  expect(shards.get('one')?.migrations).toEqual({ directory: [`${here}/migrations`], tableName: 'done' })
  expect(shards.get('two')?.migrations).toEqual({
    directory: [`${here}/config/shards/own`, '/elsewhere'],
    tableName: 'done',
  })
  // Its tables are others than those of tenants.
  expect(shared?.migrations).toEqual({ schemaName: 'app' })
  const given = {
    shards: { one: { client: 'pg', connection: 'postgres://db/1', migrations: { directory: 'm' } } },
  }
  expect(loadConfig(given, {}).shards.get('one')?.migrations).toEqual({ directory: [`${here}/m`] })
})

test('what is wrong with them is said where it stands', () => {
  const migrations = { directory: 7, loadExtension: ['.js'], tableName: '' }
  const given = { shards: { one: { client: 'pg', connection: 'postgres://db/1', migrations } } }
  const message = refusal(given as never)
  expect(message).toContain(
    'config › shards.one.migrations.directory\n    must be a folder, or a list of folders (found 7)',
  )
  expect(message).toContain('loadExtensions')
  expect(message).toContain('shards.one.migrations.tableName\n    must be a text that is not empty')
})
