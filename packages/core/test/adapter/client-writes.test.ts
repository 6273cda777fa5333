import { expect, test } from 'vitest'
import { ClientWrites } from '../../src/adapter/client-writes.ts'
import { SignedStamps } from '../../src/adapter/signed-stamps.ts'

const stamps = new SignedStamps({
  secrets: ['a secret of thirty-two characters'],
  windowMs: 2000,
  cookie: undefined,
  header: 'x-stamp',
})

/** Whether a request reads the primary that carries a genuine stamp of so many milliseconds ago. */
function readsPrimary(ageMs: number): boolean {
  const [[, stamp]] = stamps.headersFor('shard_0', Date.now() - ageMs, false) as [[string, string]]
  const { log } = new ClientWrites({
    sharding: 'one',
    reads: { windowMs: 2000, isReading: () => true, stamps },
    req: {},
    parts: { method: 'GET', url: '/', headers: { 'x-stamp': stamp } },
    isSecure: false,
  })
  return log.has('shard_0')
}

test.each([
  ['a stamp of this moment', 0, true],
  ['one within the window', 1000, true],
  ['one that is older', 2100, false],
  ['one of a clock that is a little ahead', -5000, true],
  ['one of the far future', -60_000, false],
])('%s: the primary is read: %s ms ago, %s', (_, ageMs, expected) => {
  expect(readsPrimary(ageMs)).toBe(expected)
})

test('of an answer that goes on it is not known that nothing will be written', () => {
  const request = () => {
    const writes = new ClientWrites({
      sharding: 'one',
      reads: { windowMs: 2000, isReading: () => false, stamps },
      req: {},
      parts: { method: 'POST', url: '/', headers: {} },
      isSecure: false,
    })
    writes.entering({ shard: 'shard_0', role: 'writing', preventWrites: false, locked: true })
    return writes
  }
  expect(request().answering(true)).toEqual([])
  expect(request().answering(false)).toEqual([['x-stamp', expect.any(String)]])
  const handled = request()
  handled.handled()
  expect(handled.answering(false)).toEqual([])
})
