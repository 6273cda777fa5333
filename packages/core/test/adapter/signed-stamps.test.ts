import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SignedStamps, type SignedStampsOptions } from '../../src/adapter/signed-stamps.ts'
import { StampKey } from '../../src/adapter/stamp-key.ts'

const SECRET = 'the secret that signs, 32 letters'
const OLD = 'the secret before it, 32 letters.'
const NOW = Date.UTC(2026, 0, 1)

function stampsOf(options: Partial<SignedStampsOptions> = {}): SignedStamps {
  return new SignedStamps({ secrets: [SECRET], windowMs: 2000, cookie: {}, header: 'x-stamp', ...options })
}

/** What a client sends back that was sent these headers. */
function echo(lines: ReturnType<SignedStamps['headersFor']>): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of lines)
    headers[name === 'set-cookie' ? 'cookie' : name] = value.split(';')[0] as string
  return headers
}

const shards = fc.stringMatching(/^[a-z][a-z0-9_-]{0,62}$/)
const times = fc.integer({ min: 0, max: NOW * 4 })

describe('a stamp', () => {
  test('says what was signed, for its shard and no other, whichever way it is carried', () => {
    fc.assert(
      fc.property(
        shards,
        shards,
        times,
        fc.constantFrom('cookie', 'x-stamp'),
        (shard, other, at, carrier) => {
          const stamps = stampsOf()
          const headers = { [carrier]: echo(stamps.headersFor(shard, at, false))[carrier] as string }
          expect(stamps.lastWrite({ headers }, shard)).toBe(at)
          if (other !== shard) expect(stamps.lastWrite({ headers }, other)).toBeUndefined()
        },
      ),
    )
  })

  test('is as none once a single character of it is another', () => {
    const key = new StampKey(SECRET)
    fc.assert(
      fc.property(
        shards,
        times,
        fc.nat(),
        fc.stringMatching(/^[\w.-]$/),
        (shard, at, position, character) => {
          const stamp = key.sign(shard, at)
          const index = position % stamp.length
          const changed = stamp.slice(0, index) + character + stamp.slice(index + 1)
          expect(key.verify(shard, changed)).toBe(changed === stamp ? at : undefined)
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('cannot be made up: whatever is sent is as none, and throws nothing', () => {
    const stamps = stampsOf()
    const name = `sherd-stamp-${new StampKey(SECRET).idOf('shard_0')}`
    const alike = fc
      .tuple(fc.stringMatching(/^[\w-]{8}$/), times, fc.stringMatching(/^[\w-]{43}$/))
      .map(([id, at, signature]) => `${id}.${at.toString(36)}.${signature}`)
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), alike), (sent) => {
        expect(
          stamps.lastWrite({ headers: { cookie: `${name}=${sent}`, 'x-stamp': sent } }, 'shard_0'),
        ).toBeUndefined()
      }),
    )
  })

  test('is accepted by the secret that signed it until that is out of the list', () => {
    const signed = echo(stampsOf({ secrets: [OLD] }).headersFor('shard_0', NOW, false))
    for (const headers of [
      { cookie: signed['cookie'] as string },
      { 'x-stamp': signed['x-stamp'] as string },
    ]) {
      expect(stampsOf({ secrets: [SECRET, OLD] }).lastWrite({ headers }, 'shard_0')).toBe(NOW)
      expect(stampsOf({ secrets: [SECRET] }).lastWrite({ headers }, 'shard_0')).toBeUndefined()
    }
    const renewed = echo(stampsOf({ secrets: [SECRET, OLD] }).headersFor('shard_0', NOW, false))
    expect(stampsOf({ secrets: [OLD] }).lastWrite({ headers: renewed }, 'shard_0')).toBeUndefined()
  })

  test('names no shard', () => {
    const lines = stampsOf().headersFor('customers_of_acme', NOW, false)
    expect(JSON.stringify(lines)).not.toMatch(/customers|acme/)
  })

  test('counts by the latest where a client sends several, of which only so many are looked at', () => {
    const stamps = stampsOf()
    const stamp = (at: number) => new StampKey(SECRET).sign('shard_0', at)
    const headers = { 'x-stamp': [stamp(NOW - 5), stamp(NOW), stamp(NOW - 9)].join(', ') }
    expect(stamps.lastWrite({ headers }, 'shard_0')).toBe(NOW)
    const flood = { 'x-stamp': [...new Array(100_000).fill('x'), stamp(NOW)].join(',') }
    expect(stamps.lastWrite({ headers: flood }, 'shard_0')).toBeUndefined()
    expect(stamps.lastWrite({ headers: new Headers(headers) }, 'shard_0')).toBe(NOW)
  })

  test('has the attributes that were asked for', () => {
    const attributes = (cookie: SignedStampsOptions['cookie'], isSecure: boolean) =>
      stampsOf({ cookie, windowMs: 2500 }).headersFor('shard_0', NOW, isSecure)[0]?.[1].split('; ').slice(1)
    expect(attributes({}, true)).toEqual(['Max-Age=4', 'Path=/', 'HttpOnly', 'Secure', 'SameSite=Lax'])
    expect(attributes({ secure: false }, true)).not.toContain('Secure')
    expect(
      attributes({ secure: true, sameSite: 'None', path: '/api', domain: 'example.com' }, false),
    ).toEqual(['Max-Age=4', 'Path=/api', 'Domain=example.com', 'HttpOnly', 'Secure', 'SameSite=None'])
  })
})
