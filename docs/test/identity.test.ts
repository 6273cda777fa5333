import { createSharding, type ShardingError } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import pg from 'pg'
import { expect, test } from 'vitest'
import { codeBlocks, readPage, sections } from './support/markdown.ts'

test('the SQL of docs/configuration.md gives a database its identity', async () => {
  const section = sections(readPage('docs/configuration.md')).find(({ title }) => title === '### Identity')
  const blocks = codeBlocks(section?.text ?? '')
  const [, identity = ''] = /^identity: (.+)$/m.exec(section?.text ?? '') ?? []
  const connection = await createDatabase()
  const client = new pg.Client(connection)
  await client.connect()
  await client.query(blocks.find(({ language }) => language === 'sql')?.code ?? '')
  await client.end()

  const ask = async (name: string) => {
    await using sharding = createSharding({
      config: { shards: { shard_0: { client: 'pg', connection, identity: name } } },
    })
    try {
      await sharding.connectedTo('shard_0', () => sharding.db.raw('select 1'))
      return 'served'
    } catch (error) {
      return (error as ShardingError).code
    }
  }
  expect(await ask(identity)).toBe('served')
  expect(await ask('another')).toBe('SHARD_ERR_SHARD_UNAVAILABLE')
})
