import { expect, test } from 'vitest'
import { ConfigInvalidError, createSharding, ShardUnavailableError } from '../../src/index.ts'
import { errorOf } from '../support/error-of.ts'

function openOne(connection: string) {
  return createSharding({ config: { shards: { shard_0: { client: 'pg', connection } } } })
}

test('an address that names a certificate which is not there makes its shard unavailable, with the cause', async () => {
  await using sharding = openOne('postgres://u@127.0.0.1/d?sslrootcert=/nowhere/ca.pem')
  const error = await errorOf(() => sharding.connectedTo('shard_0', () => expect.unreachable()))
  expect(error).toBeInstanceOf(ShardUnavailableError)
  expect(error.cause).toMatchObject({ code: 'ENOENT' })
})

test('an address with a percent sign that is not encoded is refused at the start', async () => {
  const error = await errorOf(() => openOne('postgres://u:50%off@127.0.0.1/d'))
  expect(error).toBeInstanceOf(ConfigInvalidError)
  expect(error.message).toContain('special characters percent-encoded')
  expect(error.message).not.toContain('50%off')
})

test('a default client that knex does not know is refused, even if no shard needs it', async () => {
  const connection = 'postgres://u@127.0.0.1/d'
  const config = { defaults: { client: 'postgre' }, shards: { shard_0: { client: 'pg', connection } } }
  const error = await errorOf(() => createSharding({ config }))
  expect(error.message).toContain('config › defaults.client\n    is not a client that knex knows')
})
