import { describe, expect, test } from 'vitest'
import { failureOf as mysql } from '../../src/pool/mysql/failure-of.ts'
import type { MysqlConnection } from '../../src/pool/mysql/mysql-connection.ts'
import { failureOf as postgres } from '../../src/pool/postgres/failure-of.ts'
import type { PostgresConnection } from '../../src/pool/postgres/postgres-connection.ts'
import type { Endpoint } from '../../src/topology/topology.ts'

const primary = { kind: 'primary' } as Endpoint
const replica = { kind: 'replica' } as Endpoint

describe('L8: what an error says about its connection', () => {
  const pg = (error: object, endpoint = primary, disposed?: unknown) =>
    postgres(error, { __knex__disposed: disposed } as PostgresConnection, endpoint)

  test.each(['57P01', '57P02', '57P03', '57P05', '08000', '08003', '08006', '25P03'])(
    'PostgreSQL: %s ends the session',
    (code) => {
      expect(pg({ code })).toBe('lost')
    },
  )

  test('PostgreSQL: whatever is fatal ends it, and so does its socket', () => {
    expect(pg({ code: '3D000', severity: 'FATAL' })).toBe('lost')
    expect(pg(new Error('Client has encountered a connection error'), primary, 'ECONNRESET')).toBe('lost')
  })

  test('PostgreSQL: a primary that refuses to write has become a replica; a replica always does', () => {
    expect(pg({ code: '25006' })).toBe('unfit')
    expect(pg({ code: '25006' }, replica)).toBeUndefined()
  })

  test.each(['23505', '40001', '42601', '57014', '08P01'])('PostgreSQL: %s leaves it as it is', (code) => {
    expect(pg({ code })).toBeUndefined()
  })

  const my = (error: object, endpoint = primary) => mysql(error, {} as MysqlConnection, endpoint)

  test.each([1040, 1053, 1927, 4031])('MySQL: %i ends the session', (errno) => {
    expect(my({ errno })).toBe('lost')
  })

  test('MySQL: what the driver calls fatal ends it; a primary that refuses to write is unfit', () => {
    expect(my({ code: 'PROTOCOL_CONNECTION_LOST', fatal: true })).toBe('lost')
    expect(my({ errno: 1290 })).toBe('unfit')
    expect(my({ errno: 1836 })).toBe('unfit')
    expect(my({ errno: 1836 }, replica)).toBeUndefined()
    expect(my({ errno: 1062 })).toBeUndefined()
  })
})
