import { expect, test } from 'vitest'
import { isRefusal, verdictOn } from '../../src/breaker/failure-codes.ts'
import { IdentityMismatchError } from '../../src/errors.ts'

const coded = (code: string) => Object.assign(new Error('failed'), { code })

test('a server that cannot be reached, breaks off, or lets nobody in is down', () => {
  const codes = ['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENOTFOUND', 'EAI_AGAIN', 'EPIPE']
  const postgres = ['08006', '08P01', '57P01', '57P02', '57P03', '28P01', '28000', '3D000']
  const mysql = [
    'PROTOCOL_CONNECTION_LOST',
    'ER_SERVER_SHUTDOWN',
    'ER_ACCESS_DENIED_ERROR',
    'ER_BAD_DB_ERROR',
  ]
  for (const code of [...codes, ...postgres, ...mysql, 'SQLITE_CANTOPEN'])
    expect(verdictOn(coded(code)), code).toBe('outage')
  expect(verdictOn(new Error('Connection terminated unexpectedly'))).toBe('outage')
  expect(verdictOn(undefined)).toBe('outage')
})

test('fault 15: one that answers is not down: too many clients, errors of statements, a lock, a wrong identity', () => {
  const postgres = ['53300', '22012', '42P01', '57014', '57P05', '25006', 'P0001', 'XX000', 'F0000', 'HV000']
  const mysql = ['ER_CON_COUNT_ERROR', 'ER_TOO_MANY_USER_CONNECTIONS', 'ER_DUP_ENTRY', 'ER_NO_SUCH_TABLE']
  for (const code of [...postgres, ...mysql, 'SQLITE_BUSY', 'SQLITE_BUSY_RECOVERY', 'SQLITE_LOCKED'])
    expect(verdictOn(coded(code)), code).toBe('answer')
  expect(verdictOn(new IdentityMismatchError('another database'))).toBe('answer')
})

test('a process that has no more sockets says nothing about the server', () => {
  for (const code of ['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS'])
    expect(verdictOn(coded(code)), code).toBe('nothing')
})

test('fault 16: refused credentials are told from everything else', () => {
  for (const code of [
    '28P01',
    '28000',
    '3D000',
    'ER_ACCESS_DENIED_ERROR',
    'ER_ACCESS_DENIED_NO_PASSWORD_ERROR',
  ])
    expect(isRefusal(coded(code)), code).toBe(true)
  for (const code of ['ECONNREFUSED', '53300', '57P03', 'ER_CON_COUNT_ERROR'])
    expect(isRefusal(coded(code)), code).toBe(false)
})
