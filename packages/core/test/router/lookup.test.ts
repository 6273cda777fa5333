import { AsyncLocalStorage } from 'node:async_hooks'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { TenantLookup } from '../../src/config/resolved-config.ts'
import { RouterUnavailableError, ShardUnknownError, TenantUnknownError } from '../../src/errors.ts'
import { CachedRouter } from '../../src/router/cached-router.ts'
import { routerOf, StoppedClock } from './router-of.ts'

const SHARDS = { shard_0: {}, shard_1: {} }

function lookupRouter(lookup: TenantLookup, options: object = {}, clock = new StoppedClock()) {
  return routerOf({ strategy: 'lookup', lookup, ...options }, SHARDS, clock)
}

afterEach(() => {
  vi.useRealTimers()
})

describe('lookup', () => {
  it('makes one call for a thousand callers who ask for one tenant at once', async () => {
    const lookup = vi.fn(async () => 'shard_1')
    const router = lookupRouter(lookup)
    const routes = await Promise.all(Array.from({ length: 1000 }, () => router.route('acme')))
    expect(new Set(routes)).toEqual(new Set(['shard_1']))
    expect(lookup).toHaveBeenCalledTimes(1)
  })

  it('answers at once from then on, until the time is over', async () => {
    const clock = new StoppedClock()
    const lookup = vi.fn(async () => 'shard_1')
    const router = lookupRouter(lookup, { cache: { ttlMs: 1000 } }, clock)
    await router.route('acme')
    clock.advance(999)
    expect(router.route('acme')).toBe('shard_1')
    clock.advance(1)
    await expect(router.route('acme')).resolves.toBe('shard_1')
    expect(lookup).toHaveBeenCalledTimes(2)
  })

  it('remembers unknown tenants for a time of their own', async () => {
    const clock = new StoppedClock()
    const lookup = vi.fn(async () => undefined)
    const router = lookupRouter(lookup, { cache: { ttlMs: 1000, unknownTtlMs: 10 } }, clock)
    await expect(router.route('nobody')).rejects.toBeInstanceOf(TenantUnknownError)
    expect(() => router.route('nobody')).toThrow(TenantUnknownError)
    clock.advance(10)
    await expect(router.route('nobody')).rejects.toBeInstanceOf(TenantUnknownError)
    expect(lookup).toHaveBeenCalledTimes(2)
  })

  it.each([
    ['rejects', async () => Promise.reject(new Error('directory down'))],
    [
      'throws',
      () => {
        throw new Error('directory down')
      },
    ],
  ])('that %s is 503 for all who wait, and is not remembered', async (_how, fail) => {
    let isDown = true
    const lookup = vi.fn((): Promise<string> => (isDown ? fail() : Promise.resolve('shard_0')))
    const router = lookupRouter(lookup)
    const results = await Promise.allSettled([router.route('acme'), router.route('acme')])
    for (const result of results) {
      expect(result).toMatchObject({ status: 'rejected' })
      const { reason } = result as PromiseRejectedResult
      expect(reason).toBeInstanceOf(RouterUnavailableError)
      expect(reason).toMatchObject({ statusCode: 503, cause: new Error('directory down') })
      expect(Number(reason.headers['retry-after'])).toBeGreaterThanOrEqual(1)
    }
    isDown = false
    await expect(router.route('acme')).resolves.toBe('shard_0')
    expect(lookup).toHaveBeenCalledTimes(2)
  })

  it('that never answers fails after its time, and does not stand in the way of the next', async () => {
    vi.useFakeTimers()
    const lookup = vi.fn((): Promise<string> => new Promise(() => {}))
    const router = lookupRouter(lookup, { lookupTimeoutMs: 100 })
    const first = expect(router.route('acme')).rejects.toBeInstanceOf(RouterUnavailableError)
    await vi.advanceTimersByTimeAsync(100)
    await first
    lookup.mockResolvedValue('shard_0')
    await expect(router.route('acme')).resolves.toBe('shard_0')
    expect(vi.getTimerCount()).toBe(0)
  })

  it('that names a shard which does not exist is the mistake of whoever keeps the directory', async () => {
    let answer: unknown = 'shard_9'
    const router = lookupRouter(async () => answer as string)
    await expect(router.route('acme')).rejects.toThrow(
      new ShardUnknownError(
        'router.lookup sent the tenant "acme" to "shard_9", and no such shard is configured',
      ),
    )
    answer = 7
    await expect(router.route('acme')).rejects.toThrow(
      new ShardUnknownError(
        'router.lookup sent the tenant "acme" to a value of type number, and no such shard is configured',
      ),
    )
    answer = null
    await expect(router.route('acme')).rejects.toBeInstanceOf(TenantUnknownError)
  })

  it('runs outside the async context of whoever asks first', async () => {
    const storage = new AsyncLocalStorage<string>()
    const seen: (string | undefined)[] = []
    const router = lookupRouter(async () => {
      seen.push(storage.getStore())
      return 'shard_0'
    })
    await storage.run('request of another tenant', async () => router.route('acme'))
    expect(seen).toEqual([undefined])
  })

  it('explains itself, and says whether the answer was remembered', async () => {
    const router = lookupRouter(async () => 'shard_1')
    const explanation = {
      tenant: 'acme',
      shard: 'shard_1',
      strategy: 'lookup',
      source: 'config › router.lookup',
    }
    await expect(router.explain('acme')).resolves.toEqual({ ...explanation, cached: false })
    await expect(router.explain('acme')).resolves.toEqual({ ...explanation, cached: true })
  })

  it('keeps every known tenant and a flat memory through a flood of unknown ids', async () => {
    const known = new Set(Array.from({ length: 100 }, (_, index) => `known-${index}`))
    const lookup = vi.fn(async (tenant: string) => (known.has(tenant) ? 'shard_0' : undefined))
    const cache = new CachedRouter(lookup, {
      config: { max: 100, maxUnknown: 10, ttlMs: 60_000, unknownTtlMs: 60_000 },
      clock: new StoppedClock(),
    })
    for (const tenant of known) await cache.find(tenant)
    for (let id = 0; id < 10_000; id++) await cache.find(`flood-${id}`)
    expect(cache.size).toEqual({ known: 100, unknown: 10, underWay: 0 })
    for (const tenant of known) expect(cache.find(tenant)).toBe('shard_0')
  })

  it('forgets the known tenant that was unused for longest', async () => {
    const lookup = vi.fn(async () => 'shard_0')
    const router = lookupRouter(lookup, { cache: { max: 2 } })
    await router.route('a')
    await router.route('b')
    router.route('a')
    await router.route('c')
    expect(router.route('a')).toBe('shard_0')
    expect(router.route('b')).toBeInstanceOf(Promise)
  })
})
