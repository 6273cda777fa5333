import { CheckoutTimeoutError, MigrationAbortedError } from '@sherd/core'
import { expect, test } from 'vitest'
import { messageOf } from '../src/message-of.ts'

const refused = Object.assign(new Error('connect ECONNREFUSED ::1:5432'), { code: 'ECONNREFUSED' })

test.each([
  ['of an outage its reason', new CheckoutTimeoutError('no connection', { cause: refused }), refused.message],
  [
    'of several addresses the first',
    new CheckoutTimeoutError('no connection', { cause: new AggregateError([refused]) }),
    refused.message,
  ],
  ['of an outage without a reason itself', new CheckoutTimeoutError('no connection'), 'no connection'],
  [
    'of other errors of Sherd their own words',
    new MigrationAbortedError('stopped between two', { cause: new Error('This operation was aborted') }),
    'stopped between two',
  ],
  [
    "of a user's error his own words",
    new Error('the backfill failed', { cause: refused }),
    'the backfill failed',
  ],
  [
    'the statement of PostgreSQL left out',
    Object.assign(new Error(`create role app password 'geheim' - role "app" already exists`), {
      code: '42710',
    }),
    'role "app" already exists',
  ],
  [
    'the statement of SQLite left out',
    Object.assign(new Error('insert into t values (1) - UNIQUE constraint failed'), {
      code: 'SQLITE_CONSTRAINT',
    }),
    'UNIQUE constraint failed',
  ],
  [
    'the statement of MySQL left out',
    Object.assign(new Error('select 1 - x - y'), { code: 'ER_PARSE_ERROR', sqlMessage: 'x - y' }),
    'x - y',
  ],
  ["a dash of a user's own", new Error('column a - column b'), 'column a - column b'],
  ['on one line', new Error('one\r\n  two\u001b[31m\u2028three'), 'one   two [31m three'],
  ['not without end', new Error('x'.repeat(1000)), `${'x'.repeat(500)}…`],
  ['without a message the code', Object.assign(new Error(''), { code: 'EPIPE' }), 'EPIPE'],
  ['without anything the name', new RangeError(), 'RangeError'],
  ['of what is no error the text', 'a text', 'a text'],
  ['of nothing', undefined, 'undefined'],
])('%s', (_name, error, message) => {
  expect(messageOf(error)).toBe(message)
})

test('a ring of causes ends', () => {
  const ring = new CheckoutTimeoutError('one')
  Object.assign(ring, { cause: new CheckoutTimeoutError('other', { cause: ring }) })
  expect(messageOf(ring)).toMatch(/^(?:one|other)$/)
})
