import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ScopeLockedError,
  ScopeMismatchError,
  ScopeMissingError,
  ShardingError,
  TenantInvalidError,
  TenantUnknownError,
} from '../../src/errors.ts'
import { nextScope, targetParts } from '../../src/scope/next-scope.ts'
import type { Scope, TargetParts } from '../../src/scope/scope.ts'
import { errorOf } from '../support/error-of.ts'

const HOMES: Readonly<Record<string, string>> = { acme: 'one', globex: 'one', initech: 'two', 7: 'two' }

function route(tenant: string): string {
  const shard = HOMES[tenant]
  if (shard === undefined) throw new TenantUnknownError(`no shard for ${tenant}`)
  return shard
}

function scopeOf(parts: Partial<Scope> = {}): Scope {
  return { shard: 'one', role: 'writing', preventWrites: false, locked: false, ...parts }
}

function next(current: Scope | undefined, target: TargetParts): Scope {
  return nextScope(current, target, route) as Scope
}

const reading = { role: 'reading', preventWrites: true } as const
const locked = { locked: true } as const
const acme = { tenant: 'acme' } as const

describe('S2: keys restore independently', () => {
  test.each<[string, Scope | undefined, TargetParts, Scope]>([
    ['a shard outside of scopes', undefined, { shard: 'two' }, scopeOf({ shard: 'two' })],
    [
      'a tenant leads to its shard',
      undefined,
      { tenant: 'initech' },
      scopeOf({ shard: 'two', tenant: 'initech' }),
    ],
    [
      'a tenant given as a number is its text',
      undefined,
      { tenant: 7 },
      scopeOf({ shard: 'two', tenant: '7' }),
    ],
    [
      'a tenant given as a bigint is its text',
      undefined,
      { tenant: 7n },
      scopeOf({ shard: 'two', tenant: '7' }),
    ],
    [
      'nothing named, nothing changes',
      scopeOf({ ...acme, ...reading }),
      {},
      scopeOf({ ...acme, ...reading }),
    ],
    [
      'a role alone keeps shard and tenant',
      scopeOf(acme),
      { role: 'reading' },
      scopeOf({ ...acme, ...reading }),
    ],
    [
      'a shard alone keeps the role',
      scopeOf(reading),
      { shard: 'two' },
      scopeOf({ shard: 'two', ...reading }),
    ],
    [
      'a shard alone keeps the prevention of writes',
      scopeOf({ preventWrites: true }),
      { shard: 'two' },
      scopeOf({ shard: 'two', preventWrites: true }),
    ],
    ['the same shard keeps the tenant', scopeOf(acme), { shard: 'one' }, scopeOf(acme)],
    ['another shard drops the tenant', scopeOf(acme), { shard: 'two' }, scopeOf({ shard: 'two' })],
    [
      'another tenant replaces the tenant',
      scopeOf(acme),
      { tenant: 'globex' },
      scopeOf({ tenant: 'globex' }),
    ],
    [
      'another tenant may change the shard',
      scopeOf(acme),
      { tenant: 'initech' },
      scopeOf({ shard: 'two', tenant: 'initech' }),
    ],
    ['a tenant with its own shard', undefined, { tenant: 'acme', shard: 'one' }, scopeOf(acme)],
    [
      'writes are prevented by themselves',
      scopeOf(),
      { preventWrites: true },
      scopeOf({ preventWrites: true }),
    ],
    [
      'and allowed again by themselves',
      scopeOf({ preventWrites: true }),
      { preventWrites: false },
      scopeOf(),
    ],
    ['back to writing, writes are allowed', scopeOf(reading), { role: 'writing' }, scopeOf()],
    [
      'the same role keeps the prevention of writes',
      scopeOf({ preventWrites: true }),
      { role: 'writing' },
      scopeOf({ preventWrites: true }),
    ],
    ['a lock', scopeOf(), { lock: true }, scopeOf(locked)],
    ['no lock, where there was none', scopeOf(), { lock: false }, scopeOf()],
  ])('S2: %s', (_name, current, target, expected) => {
    expect(next(current, target)).toEqual(expected)
  })

  test('S2: a shard and a tenant that disagree are refused', () => {
    expect(() => next(undefined, { tenant: 'acme', shard: 'two' })).toThrow(ScopeMismatchError)
    expect(() => next(scopeOf(), { tenant: 'acme', shard: 'two' })).toThrow(
      /lives on shard "one", not on "two"/,
    )
  })

  test('S1: a scope is frozen', () => {
    expect(Object.isFrozen(next(undefined, { shard: 'one' }))).toBe(true)
  })
})

describe('S4: locked scopes', () => {
  const here = scopeOf({ ...acme, ...locked })

  test.each<[string, TargetParts]>([
    ['another shard', { shard: 'two' }],
    ['another tenant on the same shard', { tenant: 'globex' }],
    ['another tenant elsewhere', { tenant: 'initech' }],
    ['another shard with lock: false', { shard: 'two', lock: false }],
    ['another tenant with a lease of its own', { tenant: 'globex', separate: true }],
  ])('S4: %s is refused, naming where the scope is', (_name, target) => {
    const error = (() => {
      try {
        next(here, target)
      } catch (error) {
        return error as Error
      }
      throw new Error('it was not refused')
    })()
    expect(error).toBeInstanceOf(ScopeLockedError)
    expect(error.message).toContain('locked to tenant "acme" on shard "one"')
    expect(error.message).toContain(
      `refuses ${target.tenant ? `tenant "${target.tenant}"` : `shard "${target.shard}"`}`,
    )
    expect(error).toMatchObject({ shard: 'one', statusCode: 500, retryable: false })
    expect(here).toEqual(scopeOf({ ...acme, ...locked }))
  })

  test.each<[string, TargetParts, Scope]>([
    ['the same shard', { shard: 'one' }, here],
    ['the same tenant', { tenant: 'acme' }, here],
    ['both', { tenant: 'acme', shard: 'one' }, here],
    ['a change of role', { role: 'reading' }, scopeOf({ ...here, ...reading })],
    ['lock: false, which lifts nothing', { lock: false }, here],
  ])('S4: %s is allowed and stays locked', (_name, target, expected) => {
    expect(next(here, target)).toEqual(expected)
  })

  test('S4: a scope that is locked to a shard may choose a tenant on it, and is locked to it then', () => {
    const chosen = next(scopeOf(locked), { tenant: 'globex' })
    expect(chosen).toEqual(scopeOf({ tenant: 'globex', ...locked }))
    expect(() => next(chosen, { tenant: 'acme' })).toThrow(ScopeLockedError)
    expect(() => next(scopeOf(locked), { tenant: 'initech' })).toThrow(ScopeLockedError)
  })

  test('S4: a locked scope does not even ask the router about another tenant', () => {
    const asked: string[] = []
    const curious = (tenant: string) => {
      asked.push(tenant)
      return route(tenant)
    }
    expect(() => nextScope(here, { tenant: 'nobody' }, curious)).toThrow(ScopeLockedError)
    expect(asked).toEqual([])
  })

  test('S4: a tenant that has moved away is refused in a scope that is locked to its old shard', () => {
    expect(() => nextScope(here, { tenant: 'acme' }, () => 'two')).toThrow(ScopeLockedError)
  })
})

describe('S5: nothing is guessed', () => {
  test('S5: outside of scopes a target without a shard and a tenant is refused', () => {
    for (const target of [{}, { role: 'reading' }, { lock: true }] as const)
      expect(() => next(undefined, target)).toThrow(ScopeMissingError)
  })

  test('S5: an unknown tenant is refused with what the router says', () => {
    expect(() => next(scopeOf(), { tenant: 'nobody' })).toThrow(TenantUnknownError)
  })

  test('S5: a tenant id that is none is refused, and never taken for "the same tenant"', () => {
    for (const tenant of ['', Number.NaN, 1.5, null, {}, ['acme'], 'a\nb'])
      expect(() => next(scopeOf(acme), { tenant: tenant as string })).toThrow(TenantInvalidError)
  })
})

test('an answer of the router that takes time is waited for', async () => {
  const answer = nextScope(undefined, { tenant: 'acme' }, async (tenant) => route(tenant))
  expect(answer).toBeInstanceOf(Promise)
  expect(await answer).toEqual(scopeOf(acme))
  const refused = () => nextScope(undefined, { tenant: 'nobody' }, async (tenant) => route(tenant))
  expect(await errorOf(refused)).toBeInstanceOf(TenantUnknownError)
  const mismatch = () =>
    nextScope(undefined, { tenant: 'acme', shard: 'two' }, async (tenant) => route(tenant))
  expect(await errorOf(mismatch)).toBeInstanceOf(ScopeMismatchError)
})

describe('for all scopes and targets', () => {
  const shard = fc.constantFrom('one', 'two')
  const tenant = fc.constantFrom('acme', 'globex', 'initech')
  const role = fc.constantFrom('writing' as const, 'reading' as const)
  const target: fc.Arbitrary<TargetParts> = fc.record(
    { shard, tenant, role, preventWrites: fc.boolean(), lock: fc.boolean(), separate: fc.boolean() },
    { requiredKeys: [] },
  )
  const first: fc.Arbitrary<TargetParts> = fc.oneof(
    fc.tuple(target, shard).map(([{ tenant: _, ...parts }, shard]) => ({ ...parts, shard })),
    fc.tuple(target, tenant).map(([{ shard: _, ...parts }, tenant]) => ({ ...parts, tenant })),
  )

  /** Scopes as they come about: by one target inside the other. Those that are refused change nothing. */
  function scopeAfter(targets: readonly TargetParts[]): Scope | undefined {
    let scope: Scope | undefined
    for (const each of targets) {
      try {
        scope = next(scope, each)
      } catch (error) {
        expect(error).toBeInstanceOf(ShardingError)
      }
    }
    return scope
  }

  const walk = fc
    .tuple(first, fc.array(target, { maxLength: 5 }))
    .map(([start, rest]) => scopeAfter([start, ...rest]) as Scope)

  function forAll(property: (current: Scope, target: TargetParts, result: Scope) => void): void {
    fc.assert(
      fc.property(walk, target, (current, target) => {
        let result: Scope
        try {
          result = next(current, target)
        } catch (error) {
          expect(error instanceof ScopeLockedError || error instanceof ScopeMismatchError).toBe(true)
          return
        }
        property(current, target, result)
      }),
      { numRuns: 2000 },
    )
  }

  test('S2: what a target does not name stays as it is, one key independent of the other', () => {
    forAll((current, target, result) => {
      if (target.role === undefined) expect(result.role).toBe(current.role)
      else expect(result.role).toBe(target.role)
      if (target.shard === undefined && target.tenant === undefined) {
        expect(result.shard).toBe(current.shard)
        expect(result.tenant).toBe(current.tenant)
      }
      if (target.preventWrites === undefined && target.role === undefined)
        expect(result.preventWrites).toBe(current.preventWrites)
    })
  })

  test('S2: a tenant is always on its own shard, and never survives a change of the shard', () => {
    forAll((current, target, result) => {
      if (result.tenant !== undefined) expect(result.shard).toBe(HOMES[result.tenant])
      if (result.shard !== current.shard && target.tenant === undefined) expect(result.tenant).toBeUndefined()
      if (target.tenant !== undefined) expect(result.tenant).toBe(target.tenant)
      if (target.shard !== undefined) expect(result.shard).toBe(target.shard)
    })
  })

  test('S4: no target lifts a lock, and none leads out of a locked scope', () => {
    forAll((current, _target, result) => {
      if (!current.locked) return
      expect(result.locked).toBe(true)
      expect(result.shard).toBe(current.shard)
      if (current.tenant !== undefined) expect(result.tenant).toBe(current.tenant)
    })
  })

  test('S8: whoever reads does not write, whatever else is said', () => {
    forAll((_current, target, result) => {
      if (result.role === 'reading') expect(result.preventWrites).toBe(true)
      if (target.preventWrites === true) expect(result.preventWrites).toBe(true)
    })
  })

  test('S1: a scope is made anew and none is changed', () => {
    forAll((current, target) => {
      const before = { ...current }
      next(current, target)
      expect(current).toEqual(before)
    })
  })
})

describe('targets', () => {
  test('a name is a shard', () => {
    expect(targetParts('one')).toEqual({ shard: 'one' })
  })

  test.each<[unknown, RegExp]>([
    [undefined, /not undefined/],
    [null, /not null/],
    [5, /not number/],
    [{ sharde: 'one' }, /does not know "sharde".*shard, tenant/],
    [{ shard: 'one', role: 'read' }, /'writing' or 'reading', not "read"/],
    [{ shard: null }, /by its name, not null/],
    [{ shard: 5 }, /by its name, not number/],
  ])('%j is no target', (target, message) => {
    expect(() => targetParts(target as TargetParts)).toThrow(TypeError)
    expect(() => targetParts(target as TargetParts)).toThrow(message)
  })
})
