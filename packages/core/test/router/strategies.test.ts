import { describe, expect, it } from 'vitest'
import { simpleStrategies } from '../../src/config/strategy-placements.ts'
import { TenantUnknownError } from '../../src/errors.ts'
import { strategies } from '../../src/router/strategies.ts'
import { routerOf, routesOf } from './router-of.ts'

describe('static', () => {
  const router = routerOf(
    { strategy: 'static' },
    { a: { tenants: ['acme', 42] }, b: { tenants: ['globex', '__proto__'] } },
  )

  it('routes tenants to the shard that lists them, at once', () => {
    expect(routesOf(router, ['acme', '42', 'globex', '__proto__'])).toEqual(['a', 'a', 'b', 'b'])
  })

  it('knows no default shard', () => {
    expect(routesOf(router, ['Acme', 'acme ', '042', 'constructor', 'toString', ''])).toEqual(
      Array(6).fill(undefined),
    )
  })

  it('says which tenant is unknown, and nothing that could forge a line of a log', () => {
    expect(() => router.route('evil\u202e\n')).toThrow(
      new TenantUnknownError('No shard is configured for the tenant "evil\\u{202e}\\u{a}"'),
    )
  })

  it('explains by file and place', async () => {
    await expect(router.explain('42')).resolves.toEqual({
      tenant: '42',
      shard: 'a',
      strategy: 'static',
      source: 'config › shards.a.tenants[1]',
      cached: false,
    })
    await expect(router.explain('nobody')).rejects.toBeInstanceOf(TenantUnknownError)
  })
})

describe('range', () => {
  const router = routerOf(
    { strategy: 'range' },
    {
      low: {
        ranges: [
          { from: 1, to: 100 },
          { from: 200, to: 300 },
        ],
      },
      high: { ranges: [{ from: 300, to: 301 }, { from: '9007199254740993' }] },
      negative: { ranges: [{ from: -10, to: 0 }] },
    },
  )

  it('is half-open: the first id belongs to it, the end does not', () => {
    expect(routesOf(router, ['1', '99', '100', '199', '200', '299', '300', '301'])).toEqual([
      'low',
      'low',
      undefined,
      undefined,
      'low',
      'low',
      'high',
      undefined,
    ])
  })

  it('is exact beyond 2^53 and below 0', () => {
    const tenants = ['9007199254740992', '9007199254740993', '9'.repeat(255), '-10', '-1', '0', '-11']
    expect(routesOf(router, tenants)).toEqual([
      undefined,
      'high',
      'high',
      'negative',
      'negative',
      undefined,
      undefined,
    ])
  })

  it('takes only numbers as they are usually written', () => {
    expect(routesOf(router, ['01', '1.0', '1e1', '+1', ' 1', '0x1', '-0', 'acme', '1n', '１'])).toEqual(
      Array(10).fill(undefined),
    )
  })

  it('explains by range', async () => {
    await expect(router.explain('250')).resolves.toMatchObject({
      strategy: 'range',
      source: 'config › shards.low.ranges[1]',
    })
  })
})

describe('modulo', () => {
  const router = routerOf({ strategy: 'modulo' }, { b: { index: 1 }, c: { index: 2 }, a: { index: 0 } })

  it('routes by the remainder', () => {
    expect(routesOf(router, ['0', '1', '2', '3', '10', '18446744073709551616'])).toEqual([
      'a',
      'b',
      'c',
      'a',
      'b',
      'b',
    ])
  })

  it('knows no negative and no other ids', () => {
    expect(routesOf(router, ['-1', '-3', 'acme', '01'])).toEqual(Array(4).fill(undefined))
  })

  it('explains by remainder', async () => {
    await expect(router.explain('11')).resolves.toMatchObject({
      shard: 'c',
      source: 'config › shards.c.index (remainder of 3: 2)',
    })
  })
})

describe('composite', () => {
  const shards = {
    a: { tenants: ['7'], ranges: [{ from: 0, to: 10 }] },
    b: { tenants: ['acme'], ranges: [{ from: 10, to: 20 }] },
  }

  it('takes the first answer, in the order of the list', async () => {
    const router = routerOf(
      { strategy: 'composite', strategies: ['static', 'range'] },
      { ...shards, b: { ...shards.b, tenants: ['5'] } },
    )
    expect(routesOf(router, ['7', '5', '6', '15', 'acme', '20'])).toEqual([
      'a',
      'b',
      'a',
      'b',
      undefined,
      undefined,
    ])
    await expect(router.explain('5')).resolves.toMatchObject({ strategy: 'static' })
    await expect(router.explain('6')).resolves.toMatchObject({ strategy: 'range' })
  })

  it('answers at once as long as those before a lookup know', async () => {
    const asked: string[] = []
    const lookup = async (tenant: string) => {
      asked.push(tenant)
      return tenant === 'late' ? 'b' : undefined
    }
    const router = routerOf(
      { strategy: 'composite', strategies: ['static', 'lookup'], lookup },
      { a: { tenants: ['acme'] }, b: {} },
    )
    expect(router.route('acme')).toBe('a')
    await expect(router.route('late')).resolves.toBe('b')
    await expect(router.route('nobody')).rejects.toBeInstanceOf(TenantUnknownError)
    expect(asked).toEqual(['late', 'nobody'])
  })

  it('goes on after a lookup that does not know, and ends at one that fails', async () => {
    const lookup = async (tenant: string) => {
      if (tenant === '1') throw new Error('down')
      return undefined
    }
    const router = routerOf(
      { strategy: 'composite', strategies: ['lookup', 'range'], lookup },
      { a: { ranges: [{ from: 0 }] } },
    )
    await expect(router.route('2')).resolves.toBe('a')
    expect(router.route('2')).toBe('a')
    await expect(router.route('1')).rejects.toMatchObject({ code: 'SHARD_ERR_ROUTER_UNAVAILABLE' })
  })
})

describe('strategies', () => {
  it('are those that a configuration may name', () => {
    expect(Object.keys(strategies)).toEqual(simpleStrategies)
  })
})
