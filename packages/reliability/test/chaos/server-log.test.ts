import { expect, test } from 'vitest'
import { parseLogLine, tagged } from '../../src/chaos/history/server-log.ts'

const what = (line: string) => parseLogLine(0, line)?.what

test('a logged statement is its owner, whatever the protocol and wherever the comment stands', () => {
  const owner = { kind: 'owned', owner: '12' }
  expect(what(`6741.1a|LOG:  statement: ${tagged('12', 'select 1')}`)).toEqual(owner)
  expect(what(`6741.1a|LOG:  execute <unnamed>: ${tagged('12', 'select $1')}`)).toEqual(owner)
  expect(what('6741.1a|LOG:  statement: DECLARE c CURSOR FOR /* owner:12 */ select 1')).toEqual(owner)
})

test('a session is that of its server', () => {
  expect(parseLogLine(1, '6741.1a|LOG:  statement: DISCARD ALL')).toEqual({
    t: 'statement',
    session: '1/6741.1a',
    what: { kind: 'reset' },
  })
})

test('resets, and those that have failed, are seen, everything else is nobody’s', () => {
  expect(what('6741.1a|LOG:  statement: CLOSE ALL;SET SESSION AUTHORIZATION DEFAULT;RESET ALL')).toEqual({
    kind: 'reset',
  })
  expect(what('6741.1a|STATEMENT:  DISCARD ALL')).toEqual({ kind: 'failed reset' })
  expect(what('6741.1a|ERROR:  canceling statement due to user request')).toBeUndefined()
  expect(what('6741.1a|STATEMENT:  /* owner:12 */ select 1')).toBeUndefined()
  expect(what('6741.1a|LOG:  statement: COMMIT')).toBeUndefined()
  expect(what('6741.1a|FATAL:  terminating connection due to administrator command')).toBeUndefined()
  expect(what('\tcontinued /* owner:12 */')).toBeUndefined()
})
