import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { slotOf } from '../../src/router/buckets-strategy.ts'
import { crc16 } from '../../src/util/crc16.ts'
import { routerOf, routesOf } from './router-of.ts'

const THIRDS = { a: { buckets: ['0-5460'] }, b: { buckets: ['5461-10922'] }, c: { buckets: ['10923-16383'] } }

/** The definition, bit by bit, to hold the table against. */
function crc16BitByBit(bytes: Uint8Array): number {
  let remainder = 0
  for (const byte of bytes) {
    remainder ^= byte << 8
    for (let bit = 0; bit < 8; bit++)
      remainder = remainder & 0x8000 ? ((remainder << 1) ^ 0x1021) & 0xffff : remainder << 1
  }
  return remainder
}

describe('buckets', () => {
  // The first is the check value of CRC16/XMODEM (0x31c3) and stands in the specification of Redis Cluster.
  it.each([
    ['123456789', 12_739],
    ['acme', 11_304],
    ['foo', 12_182],
    ['bar', 5061],
    ['hello', 866],
    ['', 0],
  ])('puts %j into the slot of Redis Cluster', (tenant, slot) => {
    expect(slotOf(tenant)).toBe(slot)
  })

  it('takes the checksum of the UTF-8 bytes, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(crc16(text)).toBe(crc16BitByBit(new TextEncoder().encode(text)))
      }),
      { numRuns: 2000 },
    )
  })

  it('knows every tenant', () => {
    const router = routerOf({ strategy: 'buckets' }, THIRDS)
    expect(
      routesOf(router, ['acme', '123456789', 'bar', 'ü'.repeat(255)]).every((shard) => shard !== undefined),
    ).toBe(true)
    expect(routesOf(router, ['acme', 'foo', 'bar'])).toEqual(['c', 'c', 'a'])
  })

  it('lets a tenant that is listed by name go before its slot', async () => {
    const router = routerOf({ strategy: 'buckets' }, { ...THIRDS, a: { ...THIRDS.a, tenants: ['acme'] } })
    expect(routesOf(router, ['acme', 'foo'])).toEqual(['a', 'c'])
    await expect(router.explain('acme')).resolves.toMatchObject({ source: 'config › shards.a.tenants[0]' })
    await expect(router.explain('foo')).resolves.toMatchObject({
      source: 'config › shards.c.buckets[0] (slot 12182)',
    })
  })

  it('routes 100,000 ids the same in another process', () => {
    const router = routerOf({ strategy: 'buckets' }, THIRDS)
    const hash = createHash('sha256')
    for (let id = 0; id < 100_000; id++) hash.update(`tenant-${id}:${router.route(`tenant-${id}`)}\n`)
    const script = `
      import { createHash } from 'node:crypto'
      import { routerOf } from './test/router/router-of.ts'
      const router = routerOf({ strategy: 'buckets' }, ${JSON.stringify(THIRDS)})
      const hash = createHash('sha256')
      for (let id = 0; id < 100_000; id++) hash.update('tenant-' + id + ':' + router.route('tenant-' + id) + '\\n')
      process.stdout.write(hash.digest('hex'))`
    const there = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      encoding: 'utf8',
    })
    expect(there).toBe(hash.digest('hex'))
  })

  it('moves exactly the ids of the slots that move', () => {
    const before = routerOf({ strategy: 'buckets' }, THIRDS)
    const after = routerOf(
      { strategy: 'buckets' },
      { ...THIRDS, b: { buckets: ['5461-8000'] }, d: { buckets: ['8001-10922'] } },
    )
    for (let id = 0; id < 20_000; id++) {
      const tenant = `tenant-${id}`
      const slot = slotOf(tenant)
      const moved = slot >= 8001 && slot <= 10_922
      expect(after.route(tenant)).toBe(moved ? 'd' : before.route(tenant))
    }
  })
})
