import { familyOf } from '../../config/clients.ts'
import type { MysqlConnection } from '../../pool/mysql/mysql-connection.ts'
import type { PostgresConnection } from '../../pool/postgres/postgres-connection.ts'
import type { RawConnection } from '../../pool/raw-connection.ts'
import type { SqliteConnection } from '../../pool/sqlite/sqlite-connection.ts'
import type { Endpoint } from '../../topology/topology.ts'
import { MysqlSession } from './mysql-session.ts'
import { PostgresSession } from './postgres-session.ts'
import { SqliteSession } from './sqlite-session.ts'
import type { TestSession } from './test-session.ts'

/** Why tests on this endpoint cannot run in a transaction; undefined when they can. */
export function whyNotTransactional({ shard, client, connection }: Endpoint): string | undefined {
  if (familyOf(client) === undefined)
    return `shard "${shard}" has the client "${client}", for which that is not made`
  const filename = typeof connection === 'object' ? connection['filename'] : connection
  if (filename === ':memory:')
    return `shard "${shard}" is in memory, where each connection is a database of its own`
  return undefined
}

export function createTestSession({ client }: Endpoint, connection: RawConnection): TestSession {
  switch (familyOf(client)) {
    case 'mysql':
      return new MysqlSession(connection as MysqlConnection)
    case 'sqlite':
      return new SqliteSession(connection as SqliteConnection)
    default:
      return new PostgresSession(connection as PostgresConnection)
  }
}
