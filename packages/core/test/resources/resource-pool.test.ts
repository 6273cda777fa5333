import { describe, expect, test, vi } from 'vitest'
import {
  CheckoutAbortedError,
  PoolOverloadedError,
  ResourcePoolClosedError,
  ResourceTimeoutError,
  ResourceUnavailableError,
} from '../../src/errors.ts'
import { createResourcePool } from '../../src/resources/create-resource-pool.ts'
import { deferred } from '../support/deferred.ts'
import { errorOf as errorOfCall } from '../support/error-of.ts'
import { eventsOfResources, type Producer, resourcesOf } from '../support/resources-of.ts'
import { settled } from '../support/settled.ts'

const errorOf = (promise: Promise<unknown>) => errorOfCall(() => promise)

/** A function that keeps what it is given until it is told to end. */
function holding(pool: ReturnType<typeof resourcesOf>['pool']) {
  const { promise, resolve } = deferred()
  let producer: Producer | undefined
  const done = pool.with(async (given) => {
    producer = given
    await promise
  })
  return { done, end: resolve, producer: () => producer as Producer }
}

describe('lending', () => {
  test('a resource is made when somebody needs it, and lent again before another one is made', async () => {
    const { pool, made } = resourcesOf()
    await settled()
    expect(made).toHaveLength(0)
    expect(await pool.with((producer) => producer.number)).toBe(0)
    expect(await pool.with(async (producer) => producer.number)).toBe(0)
    expect(pool.stats()).toMatchObject({ size: 2, total: 1, idle: 1, available: 2, checkoutCount: 2 })
  })

  test('an exception returns the producer', async () => {
    const { pool, destroyed } = resourcesOf({ size: 1 })
    const failure = new Error('the broker said no')
    expect(await errorOf(pool.with(() => Promise.reject(failure)))).toBe(failure)
    const thrown = pool.with(() => {
      throw failure
    })
    expect(await errorOf(thrown)).toBe(failure)
    expect(await pool.with(({ number }) => number)).toBe(0)
    expect(destroyed).toEqual([])
  })

  test('after an exception a resource that is found unusable is replaced, under the same index', async () => {
    const { pool, made, destroyed } = resourcesOf({ size: 1, validate: ({ isValid }) => isValid })
    await errorOf(
      pool.with((producer) => {
        producer.isValid = false
        throw new Error('it broke')
      }),
    )
    expect(await pool.with(({ index, number }) => [index, number])).toEqual([0, 1])
    expect(made).toHaveLength(2)
    expect(destroyed.map(({ producer }) => producer.number)).toEqual([0])
  })

  test('a resource that has rested is validated before it is lent', async () => {
    const validate = vi.fn(({ isValid }: Producer) => Promise.resolve(isValid))
    const { pool, clock } = resourcesOf({ size: 1, validate, validateAfterIdleMs: 5000 })
    const first = await pool.with((producer) => producer)
    await clock.advance(4000)
    await pool.with(() => {})
    expect(validate).not.toHaveBeenCalled()
    first.isValid = false
    await clock.advance(6000)
    expect(await pool.with(({ number }) => number)).toBe(1)
    expect(validate).toHaveBeenCalledTimes(1)
  })

  test('a resource that says that it is lost is lent to nobody again', async () => {
    let lose = () => {}
    const { pool, destroyed } = resourcesOf({
      create(index, { lost }) {
        lose = lost
        return { index } as Producer
      },
    })
    await pool.with(() => {})
    lose()
    lose()
    await settled()
    expect(destroyed).toHaveLength(1)
    expect(pool.stats().total).toBe(0)
  })

  test('a timeout is a typed error that says what to change', async () => {
    const { pool, clock } = resourcesOf({ size: 1 })
    const held = holding(pool)
    await settled()
    const error = errorOf(pool.with(() => 'never'))
    const patient = pool.with(() => 'served', { timeoutMs: 5000 })
    await clock.advance(1020)
    expect(await error).toBeInstanceOf(ResourceTimeoutError)
    expect(await error).toMatchObject({
      code: 'SHARD_ERR_RESOURCE_TIMEOUT',
      statusCode: 503,
      retryable: true,
    })
    expect((await error)?.message).toContain('Raise size or timeoutMs')
    expect(pool.stats()).toMatchObject({ timeoutCount: 1, waiting: 1 })
    held.end()
    expect(await patient).toBe('served')
  })

  test('a signal ends the waiting, and nothing is taken', async () => {
    const { pool } = resourcesOf({ size: 1 })
    const held = holding(pool)
    await settled()
    const controller = new AbortController()
    const reason = new Error('the client has gone')
    const error = errorOf(pool.with(() => 'never', { signal: controller.signal }))
    controller.abort(reason)
    expect(await error).toBeInstanceOf(CheckoutAbortedError)
    expect((await error)?.cause).toBe(reason)
    expect(await errorOf(pool.with(() => 'never', { signal: controller.signal }))).toBeInstanceOf(
      CheckoutAbortedError,
    )
    held.end()
    await held.done
    expect(pool.stats()).toMatchObject({ active: 0, waiting: 0 })
  })

  test('whoever leaves takes nothing, also in the instant in which he is served', async () => {
    for (let ticks = 0; ticks < 12; ticks++) {
      const { promise, resolve } = deferred()
      const create = async (index: number) => {
        await promise
        return { index } as Producer
      }
      const { pool } = resourcesOf({ size: 1, create })
      const controller = new AbortController()
      const { signal } = controller
      const work = pool.with(() => signal.aborted, { signal }).catch((error: unknown) => error)
      resolve()
      for (let tick = 0; tick < ticks; tick++) await undefined
      controller.abort()
      // Either the function has begun before, or it never does.
      expect([false, expect.any(CheckoutAbortedError)]).toContainEqual(await work)
      await settled()
      expect(pool.stats()).toMatchObject({ active: 0, idle: 1, waiting: 0 })
    }
  })

  test('more callers than may wait are refused at once', async () => {
    const { pool } = resourcesOf({ size: 1, maxWaiting: 1 })
    const held = holding(pool)
    await settled()
    const second = holding(pool)
    expect(await errorOf(pool.with(() => {}))).toBeInstanceOf(PoolOverloadedError)
    held.end()
    second.end()
    await second.done
  })

  test('a create that fails is told to those who wait, and tried again after a pause', async () => {
    const failure = new Error('ECONNREFUSED')
    const create = vi.fn((index: number) => ({ index }) as Producer)
    create.mockImplementationOnce(() => {
      throw failure
    })
    const { pool, clock } = resourcesOf({ size: 1, create })
    const error = await errorOf(pool.with(() => {}))
    expect(error).toBeInstanceOf(ResourceUnavailableError)
    expect(error?.cause).toBe(failure)
    expect(await errorOf(pool.with(() => {}))).toBeInstanceOf(ResourceUnavailableError)
    expect(create).toHaveBeenCalledTimes(1)
    await clock.advance(100)
    expect(await pool.with(({ index }) => index)).toBe(0)
    expect(pool.stats()).toMatchObject({ createFailureCount: 1, createdCount: 1 })
  })

  test('options that make no sense are refused where the pool is made', () => {
    const create = () => ({})
    expect(() => createResourcePool({ create, size: 0 })).toThrow(
      'size of a resource pool must be a whole number',
    )
    expect(() => createResourcePool({ create, timeoutMs: 1.5 })).toThrow(TypeError)
    expect(() => createResourcePool({} as never)).toThrow('needs create(index)')
    expect(() => createResourcePool({ create, begin: () => {} })).toThrow('all of begin, commit and rollback')
    expect(() => createResourcePool({ create, sise: 3 } as never)).toThrow('no option "sise"')
  })

  test('hooks may be methods of the object that they were given in', async () => {
    const factory = {
      prefix: 'producer',
      create(index: number) {
        return `${this.prefix}-${index}`
      },
    }
    const { prefix: _prefix, ...rest } = factory
    const pool = createResourcePool<string>(Object.assign(Object.create({ prefix: 'producer' }), rest))
    expect(await pool.with((name) => name)).toBe('producer-0')
    await pool.close()
  })
})

describe('nested', () => {
  test('whoever has a resource gets the same one inside, though the pool has no other', async () => {
    const { pool } = resourcesOf({ size: 1 })
    const numbers = await pool.with((outer) =>
      pool.with((inner) => pool.transaction((third) => [outer.number, inner.number, third.number])),
    )
    expect(numbers).toEqual([0, 0, 0])
    expect(pool.stats().active).toBe(0)
  })

  test('branches take turns, so that none slips into the transaction of another', async () => {
    const { pool, made } = resourcesOf({ size: 2 })
    await pool.with(async () => {
      const branch = (name: string) =>
        pool.transaction(async ({ log }) => {
          log.push(name)
          await settled()
          log.push(name)
        })
      await Promise.all([branch('a'), pool.with(({ log }) => log.push('plain')), branch('b')])
    })
    expect(made[0]?.log).toEqual(['begin', 'a', 'a', 'commit', 'plain', 'begin', 'b', 'b', 'commit'])
  })

  test('a turn that does not come in time is refused', async () => {
    const { pool, clock } = resourcesOf({ size: 2 })
    const { promise, resolve } = deferred()
    const work = pool.with(async () => {
      const first = pool.with(() => promise)
      const second = errorOf(pool.with(() => {}))
      await clock.advance(1020)
      resolve()
      await first
      return await second
    })
    expect(await work).toBeInstanceOf(ResourceTimeoutError)
    expect(pool.stats().active).toBe(0)
  })

  test('what was begun inside and not awaited is waited for before anybody else gets the resource', async () => {
    const { pool } = resourcesOf({ size: 1 })
    const { promise, resolve } = deferred()
    let isOver = false
    const outer = pool.with(() => {
      void pool.with(async () => {
        await promise
        isOver = true
      })
    })
    const next = pool.with(() => isOver)
    await settled()
    expect(pool.stats()).toMatchObject({ active: 1, waiting: 1 })
    resolve()
    await outer
    expect(await next).toBe(true)
  })

  test('whoever asks after the function has settled gets a resource of his own', async () => {
    const { pool } = resourcesOf({ size: 2 })
    const { promise, resolve } = deferred()
    let late: Promise<number> | undefined
    await pool.with(() => {
      late = promise.then(() => pool.with(({ number }) => number))
    })
    const held = holding(pool)
    await settled()
    resolve()
    expect(await late).not.toBe(held.producer().number)
    held.end()
  })
})

describe('transactions', () => {
  test('commit on success', async () => {
    const { pool, made } = resourcesOf()
    const result = await pool.transaction(({ log }, transaction) => {
      log.push(transaction)
      return 'sent'
    })
    expect(result).toBe('sent')
    expect(made[0]?.log).toEqual(['begin', 'transaction on 0', 'commit'])
  })

  test('an error rolls back and is what comes out', async () => {
    const { pool, made, destroyed } = resourcesOf()
    const failure = new Error('no')
    expect(await errorOf(pool.transaction(() => Promise.reject(failure)))).toBe(failure)
    expect(made[0]?.log).toEqual(['begin', 'rollback'])
    expect(destroyed).toEqual([])
  })

  test('a rollback that fails destroys the resource and keeps the first error', async () => {
    const { pool, destroyed } = resourcesOf({
      rollback: () => Promise.reject(new Error('rollback')),
    })
    const failure = new Error('first')
    expect(await errorOf(pool.transaction(() => Promise.reject(failure)))).toBe(failure)
    expect(destroyed).toMatchObject([{ producer: { number: 0 }, force: true }])
    expect(await pool.with(({ number, index }) => [number, index])).toEqual([1, 0])
  })

  test('a commit that fails is rolled back, and its error comes out', async () => {
    const failure = new Error('fenced')
    const { pool, made } = resourcesOf({ commit: () => Promise.reject(failure) })
    expect(await errorOf(pool.transaction(() => 'done'))).toBe(failure)
    expect(made[0]?.log).toEqual(['begin', 'rollback'])
  })

  test('a begin that fails destroys the resource', async () => {
    const failure = new Error('begin')
    const fn = vi.fn()
    const { pool, destroyed } = resourcesOf({ begin: () => Promise.reject(failure) })
    expect(await errorOf(pool.transaction(fn))).toBe(failure)
    expect(fn).not.toHaveBeenCalled()
    expect(destroyed).toHaveLength(1)
  })

  test('a transaction inside another is one with it: when it fails nothing is committed, whoever caught the error', async () => {
    const { pool, made } = resourcesOf()
    const failure = new Error('inner')
    const outer = pool.transaction(async () => {
      await errorOf(pool.transaction(() => Promise.reject(failure)))
      return 'went on'
    })
    expect(await errorOf(outer)).toBe(failure)
    expect(made[0]?.log).toEqual(['begin', 'rollback'])
  })

  test('a pool without begin has none', async () => {
    const pool = createResourcePool({ create: (index) => index })
    expect(await errorOf(pool.transaction(() => {}))).toBeInstanceOf(TypeError)
    expect(pool.stats().total).toBe(0)
    await pool.close()
  })
})

describe('reload and close', () => {
  test('a reload without force replaces what rests now and what is in use when it comes back', async () => {
    const { pool, destroyed } = resourcesOf()
    const held = holding(pool)
    await settled()
    await pool.with(() => {})
    expect(pool.stats().total).toBe(2)
    let isReloaded = false
    const reloaded = pool.reload().then(() => {
      isReloaded = true
    })
    await settled()
    expect(destroyed.map(({ producer, force }) => [producer.number, force])).toEqual([[1, false]])
    expect(await pool.with(({ number, index }) => [number, index])).toEqual([2, 1])
    expect(isReloaded).toBe(false)
    held.end()
    await reloaded
    expect(destroyed.map(({ producer }) => producer.number)).toEqual([1, 0])
    expect(destroyed.every(({ force }) => !force)).toBe(true)
  })

  test('events come once and in order', async () => {
    const { names, messages } = eventsOfResources()
    const { pool } = resourcesOf()
    await pool.with(() => {})
    await pool.reload()
    await Promise.all([pool.reload(), pool.close(), pool.close()])
    expect(names).toEqual([
      'created orders',
      'reload orders',
      'reloaded orders',
      'reload orders',
      'reloaded orders',
      'shutdown orders',
    ])
    expect(messages[0]).toEqual({ pool: 'orders', id: expect.any(String), size: 2, timeoutMs: 1000 })
    expect(new Set(messages.map((message) => (message as { id: string }).id)).size).toBe(1)
  })

  test('closing twice is closing once', async () => {
    const { pool, destroyed } = resourcesOf()
    await pool.with(() => {})
    const closed = pool.close()
    expect(pool.close({ force: true })).toBe(closed)
    await closed
    expect(destroyed).toHaveLength(1)
    expect(await errorOf(pool.with(() => {}))).toBeInstanceOf(ResourcePoolClosedError)
    expect(await errorOf(pool.reload())).toBeInstanceOf(ResourcePoolClosedError)
    expect(pool.stats()).toMatchObject({ total: 0, available: 0 })
  })

  test('a close waits for what is in use, and refuses those who wait', async () => {
    const { pool, destroyed } = resourcesOf({ size: 1 })
    const held = holding(pool)
    await settled()
    const waiting = errorOf(pool.with(() => {}))
    const closed = pool.close()
    expect(await waiting).toBeInstanceOf(ResourcePoolClosedError)
    expect(destroyed).toEqual([])
    held.end()
    await closed
    expect(destroyed).toMatchObject([{ force: false }])
  })

  test('a close with force, and one whose deadline passes, destroy what is in use', async () => {
    for (const options of [{ force: true }, { deadlineMs: 50 }]) {
      const { pool, clock, destroyed } = resourcesOf({ size: 1 })
      const held = holding(pool)
      await settled()
      const closed = pool.close(options)
      await clock.advance(100)
      await closed
      expect(destroyed).toMatchObject([{ force: true }])
      held.end()
      await held.done
      expect(destroyed).toHaveLength(1)
    }
  })

  test('a reload inside of a function that has a resource is refused: it would wait for itself', async () => {
    const { pool } = resourcesOf()
    expect((await errorOf(pool.with(() => pool.reload())))?.message).toContain('would wait for')
    await pool.reload()
  })

  test('a destroy that never ends is told, and its index stays taken', async () => {
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const { promise, resolve } = deferred()
    const { pool, clock } = resourcesOf({ size: 1, destroy: () => promise, destroyTimeoutMs: 500 })
    await pool.with(() => {})
    const reloaded = pool.reload()
    const next = pool.with(({ index, number }) => [index, number], { timeoutMs: 5000 })
    await clock.advance(600)
    await reloaded
    expect(warning).toHaveBeenCalledWith(
      expect.stringContaining('"orders" (index 0) could not be destroyed'),
      expect.objectContaining({ code: 'SHERD_RESOURCE_DESTROY_FAILED' }),
    )
    expect(pool.stats()).toMatchObject({ total: 0, waiting: 1 })
    resolve()
    expect(await next).toEqual([0, 1])
    warning.mockRestore()
  })

  test('a destroy that fails is told, and the resource counts as gone', async () => {
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const { pool } = resourcesOf({ destroy: () => Promise.reject(new Error('gone already')) })
    await pool.with(() => {})
    await pool.close()
    expect(warning).toHaveBeenCalledTimes(1)
    warning.mockRestore()
  })
})

test('a resource that is held for too long is reported, and so is its return', async () => {
  const { names, messages } = eventsOfResources()
  const { pool, clock } = resourcesOf({ leakThresholdMs: 30_000 })
  const { promise, resolve } = deferred()
  const done = pool.with(async function sendOrders() {
    await promise
  })
  await clock.advance(31_000)
  expect(pool.stats().leakCount).toBe(1)
  resolve()
  await done
  expect(names).toEqual(['created orders', 'leaked orders', 'recovered orders'])
  expect(messages[1]).toMatchObject({ index: 0, holder: 'sendOrders' })
})
