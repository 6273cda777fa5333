import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ConfigObject, RouterObject, ShardObject } from '../../src/config/config-object.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { comparePlacements } from '../../src/router/compare-placements.ts'
import { createRouter } from '../../src/router/create-router.ts'
import { StoppedClock } from './router-of.ts'

type Shards = Record<string, ShardObject>

function configOf(router: RouterObject, shards: Shards) {
  const connected = Object.entries(shards).map(([name, shard]) => [
    name,
    { connection: 'postgres://h/d', ...shard },
  ])
  const config: ConfigObject = { router, defaults: { client: 'pg' }, shards: Object.fromEntries(connected) }
  return loadConfig(config, {})
}

/** `kind subject: from → to` of all that moves. */
function moved(router: RouterObject, before: Shards, after: Shards, newRouter = router): string[] {
  return comparePlacements(configOf(router, before), configOf(newRouter, after)).map(
    ({ kind, subject, from, to }) => `${kind} ${subject}: ${from} → ${to}`,
  )
}

describe('static', () => {
  const router = { strategy: 'static' } as const

  it('lists tenants that another shard lists', () => {
    const before = { a: { tenants: ['acme', 'globex'] }, b: { tenants: ['initech'] } }
    const after = { a: { tenants: ['globex'] }, b: { tenants: ['initech', 'acme'] } }
    expect(moved(router, before, after)).toEqual(['tenant acme: a → b'])
  })

  it('does not list new tenants, nor those that are gone', () => {
    const before = { a: { tenants: ['acme', 'gone'] }, b: { tenants: ['left'] } }
    const after = { a: { tenants: ['acme'] }, c: { tenants: ['new'] } }
    expect(moved(router, before, after)).toEqual([])
  })
})

describe('range', () => {
  const router = { strategy: 'range' } as const

  it('lists the ids between bounds', () => {
    const before = { a: { ranges: [{ from: 0, to: 100 }] }, b: { ranges: [{ from: 100 }] } }
    const after = { a: { ranges: [{ from: 0, to: 60 }] }, b: { ranges: [{ from: 60 }] } }
    expect(moved(router, before, after)).toEqual(['range 60 to 99: a → b'])
    expect(moved(router, after, before)).toEqual(['range 60 to 99: b → a'])
  })

  it('lists open ends and single ids, and no gap that is filled', () => {
    const before = {
      a: { ranges: [{ from: 0, to: 10 }, { from: 20 }] },
      b: { ranges: [{ from: 15, to: 16 }] },
    }
    const after = {
      a: { ranges: [{ from: 15, to: 16 }] },
      b: { ranges: [{ from: 0, to: 15 }, { from: 20 }] },
    }
    expect(moved(router, before, after)).toEqual([
      'range 0 to 9: a → b',
      'range 15: b → a',
      'range from 20: a → b',
    ])
  })
})

describe('buckets', () => {
  const router = { strategy: 'buckets' } as const

  it('lists runs of slots', () => {
    const before = { a: { buckets: ['0-8191'] }, b: { buckets: ['8192-16383'] } }
    const after = { a: { buckets: ['0-4000'] }, b: { buckets: ['4002-16383'] }, c: { buckets: [4001] } }
    expect(moved(router, before, after)).toEqual(['slots 4001: a → c', 'slots 4002 to 8191: a → b'])
  })

  it('lists tenants that come under an override, or out of one', () => {
    const plain = { a: { buckets: ['0-8191'] }, b: { buckets: ['8192-16383'] } }
    // Its slot is 11304.
    const overridden = { a: { buckets: ['0-8191'], tenants: ['acme'] }, b: { buckets: ['8192-16383'] } }
    expect(moved(router, plain, overridden)).toEqual(['tenant acme: b → a'])
    expect(moved(router, overridden, plain)).toEqual(['tenant acme: a → b'])
  })
})

describe('modulo', () => {
  const router = { strategy: 'modulo' } as const

  it('lists remainders, and everything when the number of shards changes', () => {
    const before = { a: { index: 0 }, b: { index: 1 } }
    expect(moved(router, before, { a: { index: 1 }, b: { index: 0 } })).toEqual([
      'remainder 0: a → b',
      'remainder 1: b → a',
    ])
    expect(moved(router, before, { ...before, c: { index: 2 } })).toEqual([
      'strategy modulo: modulo 2 → modulo 3',
    ])
  })
})

describe('another strategy', () => {
  it('lists all that the old one placed, where the new one places ids as well', () => {
    const ranges = { a: { ranges: [{ from: 0 }] } }
    const indexes = { a: { index: 0 } }
    expect(moved({ strategy: 'range' }, ranges, indexes, { strategy: 'modulo' })).toEqual([
      'strategy range: range → modulo',
    ])
  })

  it('compares tenants that are listed with where they were without a list', () => {
    const before = { a: { buckets: ['0-16383'] }, b: {} }
    const after = { a: { tenants: ['globex'] }, b: { tenants: ['acme'] } }
    expect(moved({ strategy: 'buckets' }, before, after, { strategy: 'static' })).toEqual([
      'tenant acme: a → b',
    ])
  })

  it('lists ids of a gap that the next strategy placed', () => {
    const router = { strategy: 'composite', strategies: ['range', 'buckets'] } as const
    const before = { a: { ranges: [{ from: 0, to: 10 }], buckets: ['0-16383'] }, b: {} }
    const after = { a: { buckets: ['0-16383'] }, b: { ranges: [{ from: 0, to: 20 }] } }
    expect(moved(router, before, after)).toEqual(['range 0 to 9: a → b', 'range 10 to 19: buckets → b'])
  })

  it('says nothing of what lookup decides', () => {
    const router: RouterObject = { strategy: 'lookup', lookup: () => 'a' }
    expect(
      moved(router, { a: {}, b: {} }, { a: {}, b: {} }, { strategy: 'lookup', lookup: () => 'b' }),
    ).toEqual([])
  })
})

it('lists a move if and only if some id is routed elsewhere', () => {
  const owner = fc.constantFrom('a', 'b', 'c', undefined)
  const owners = fc.tuple(owner, owner, owner, owner)
  const spread = (found: readonly (string | undefined)[], start: number) => {
    const shards: Record<string, { ranges: { from: number; to: number }[] }> = {
      a: { ranges: [] },
      b: { ranges: [] },
      c: { ranges: [] },
      fixed: { ranges: [] },
    }
    shards['fixed']?.ranges.push({ from: 1000, to: 1001 })
    for (const [index, name] of found.entries()) {
      if (name !== undefined)
        shards[name]?.ranges.push({ from: start + index * 3, to: start + index * 3 + 3 })
    }
    return configOf({ strategy: 'range' }, shards as never)
  }
  fc.assert(
    fc.property(owners, fc.nat(4), owners, fc.nat(4), (one, startOne, two, startTwo) => {
      const before = spread(one, startOne)
      const after = spread(two, startTwo)
      const listed = new Set<string>()
      for (const { subject, from, to } of comparePlacements(before, after)) {
        const [first = 0, last = first] = subject.split(' to ').map(Number)
        for (let id = first; id <= last; id++) listed.add(`${id} ${from} ${to}`)
      }
      const find = (config: typeof before) => {
        const router = createRouter(config, new StoppedClock())
        return (id: number) => {
          try {
            return router.route(String(id)) as string
          } catch {
            return undefined
          }
        }
      }
      const [was, is] = [find(before), find(after)]
      const expected = new Set<string>()
      for (let id = -1; id < 20; id++) {
        const [from, to] = [was(id), is(id)]
        if (from !== undefined && to !== undefined && from !== to) expected.add(`${id} ${from} ${to}`)
      }
      expect(listed).toEqual(expected)
    }),
  )
})
