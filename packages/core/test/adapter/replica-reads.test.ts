import { describe, expect, test } from 'vitest'
import type { ReadFromReplicasOptions } from '../../src/adapter/read-from-replicas.ts'
import { replicaReads } from '../../src/adapter/replica-reads.ts'
import { SignedStamps } from '../../src/adapter/signed-stamps.ts'

const secret = 'x'.repeat(32)
const store = { lastWrite: () => undefined, wrote: () => {} }
type Options = ReadFromReplicasOptions<unknown>

describe('the option readFromReplicas', () => {
  test('is off unless it is asked for', () => {
    expect(replicaReads(undefined)).toBeUndefined()
    expect(replicaReads(false)).toBeUndefined()
  })

  test('true reads on GET and HEAD, for two seconds on the primary, with the secret of the environment', () => {
    const reads = replicaReads(true, { SHERD_STAMP_SECRET: `${secret},${'y'.repeat(40)}` })
    expect(reads).toMatchObject({ windowMs: 2000, stamps: expect.any(SignedStamps) })
    expect(['GET', 'head', 'POST', 'OPTIONS'].map((method) => reads?.isReading(method))).toEqual([
      true,
      true,
      false,
      false,
    ])
  })

  test('takes several secrets of the environment whatever stands around the commas', () => {
    const stamps = (text: string) => replicaReads(true, { SHERD_STAMP_SECRET: text })?.stamps as SignedStamps
    const other = 'y'.repeat(40)
    const [[, line = '']] = stamps(`${secret}, ${other}`).headersFor('one', 1000, false) as [[string, string]]
    const headers = { cookie: line.split(';')[0] as string }
    expect(stamps(`${other}, ${secret}\n`).lastWrite({ headers }, 'one')).toBe(1000)
  })

  test('needs a secret, unless nothing is signed', () => {
    for (const options of [true, {}, { secret: [] }]) {
      expect(() => replicaReads(options, {})).toThrow(/needs a secret .* SHERD_STAMP_SECRET/s)
    }
    expect(() => replicaReads({ secret: 'short' })).toThrow(/at least 32 characters/)
    expect(() => replicaReads({ secret: [secret, 'short'] })).toThrow(/at least 32 characters/)
    expect(() => replicaReads({ secret: 'tell-nobody' })).not.toThrow(/tell-nobody/)
    expect(replicaReads({ store }, {})?.stamps).toBe(store)
    expect(replicaReads({ windowMs: 0 }, {})).toMatchObject({ windowMs: 0, stamps: undefined })
  })

  test.each<[object, RegExp]>([
    [{ window: 2 }, /readFromReplicas\.window" must be not there/],
    [{ windowMs: -1 }, /windowMs" must be a number of milliseconds.*-1/],
    [{ windowMs: Number.NaN }, /windowMs/],
    [{ windowMs: 1e9 }, /windowMs/],
    [{ methods: 'GET' }, /methods" must be a list/],
    [{ methods: ['GET ;'] }, /methods/],
    [{ header: 'x stamp' }, /header" must be the name of a header/],
    [{ cookie: false }, /needs a cookie, a header or a store/],
    [{ cookie: 'name' }, /cookie" must be an object/],
    [{ cookie: { name: 'a=b' } }, /cookie\.name/],
    [{ cookie: { path: '/; Secure' } }, /cookie\.path" must be a text without spaces and semicolons/],
    [{ cookie: { sameSite: 'lax' } }, /cookie\.sameSite/],
    [{ cookie: { sameSite: 'None' } }, /cookie\.secure" must be true/],
    [{ cookie: { httpOnly: false } }, /cookie\.httpOnly" must be not there/],
    [{ store: {} }, /store" must be an object with the functions/],
  ])('refuses %o at the start', (options, message) => {
    expect(() => replicaReads({ secret, ...options } as Options)).toThrow(message)
  })
})
