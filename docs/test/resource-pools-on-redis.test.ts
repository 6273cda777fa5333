import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ResourcePool } from '@sherd/core'
import { type RedisServer, startRedis, whyNoRedis } from '@sherd/local-servers'
import { scaled } from '@sherd/local-servers/test-scale'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { codeBlocks, ROOT, readPage } from './support/markdown.ts'

const missing = whyNoRedis()
const URL_OF_THE_PAGE = 'redis://localhost:6379'

/** The page's own first example, on a real server, with its pool for the tests. */
const [example] = codeBlocks(readPage('docs/resource-pools.md'))

const failing = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error) => error,
  )

describe.skipIf(missing !== undefined)(
  `Redis producers, MULTI as transaction${missing ? ` (${missing})` : ''}`,
  () => {
    // Inside the package, so that imports in the sample find what is installed here.
    let folder: string
    let server: RedisServer
    let control: Redis
    let pool: ResourcePool<Redis, unknown>

    beforeAll(async () => {
      server = await startRedis()
      control = new Redis(server.url)
      control.on('error', () => {})
      folder = mkdtempSync(join(ROOT, 'docs', '.redis-'))
      const file = join(folder, 'publishers.ts')
      const code = example?.code ?? ''
      expect(code).toContain(URL_OF_THE_PAGE)
      writeFileSync(file, `${code.replace(URL_OF_THE_PAGE, server.url)}\nexport { publishers }\n`)
      pool = (await import(file)).publishers
    })

    afterAll(async () => {
      await pool?.close()
      control?.disconnect()
      await server?.stop({ mode: 'immediate' })
      rmSync(folder, { recursive: true, force: true })
    })

    beforeEach(async () => {
      await control.flushall()
    })

    const idOf = (redis: Redis) => redis.client('ID')

    test('the example has published and committed', async () => {
      expect(pool.stats()).toMatchObject({ size: 5, total: 1, checkoutCount: 2 })
    })

    test('an error discards what was queued, and the connection is lent again', async () => {
      const before = await pool.with(idOf)
      const failure = new Error('the order is not valid')
      const error = await failing(
        pool.transaction(async (redis) => {
          await redis.incr('orders:count')
          throw failure
        }),
      )
      expect(error).toBe(failure)
      expect(await control.get('orders:count')).toBeNull()
      expect(await pool.with(idOf)).toBe(before)
    })

    test('many at once, of which some fail: what was committed is there whole, the rest not at all', async () => {
      const count = scaled(4000)
      const outcomes = await Promise.all(
        Array.from({ length: count }, (_, number) =>
          failing(
            pool.transaction(async (redis) => {
              await redis.incr('orders:count')
              if (number % 3 === 0) throw new Error('no')
              await redis.rpush('orders:list', number)
            }),
          ),
        ),
      )
      const committed = outcomes.filter((error) => error === undefined).length
      expect(committed).toBe(count - Math.ceil(count / 3))
      expect(Number(await control.get('orders:count'))).toBe(committed)
      expect(new Set(await control.lrange('orders:list', 0, -1)).size).toBe(committed)
      const clients = String(await control.call('CLIENT', 'LIST', 'TYPE', 'normal'))
        .trim()
        .split('\n')
      expect(clients.length - 1, 'connections beside that of the test').toBeLessThanOrEqual(5)
      expect(pool.stats()).toMatchObject({ active: 0, waiting: 0 })
    })

    test('a connection that breaks in a transaction costs that one alone: nothing is committed, another is made', async () => {
      const error = await failing(
        pool.transaction(async (redis) => {
          const id = await redis
            .incr('orders:count')
            .then(() => control.call('CLIENT', 'LIST', 'TYPE', 'normal'))
          const ours = String(id)
            .split('\n')
            .find((line) => line.includes('multi=1'))
          await control.client('KILL', 'ID', Number(/\bid=(\d+)/.exec(String(ours))?.[1]))
          await redis.incr('orders:count')
        }),
      )
      expect(error).toBeInstanceOf(Error)
      expect(await control.get('orders:count')).toBeNull()
      await pool.transaction((redis) => redis.incr('orders:count'))
      expect(await control.get('orders:count')).toBe('1')
    })

    test('after a restart of the server the next caller has a new connection', async () => {
      await server.restart()
      await failing(control.ping())
      await expect.poll(() => failing(pool.with((redis) => redis.set('after', 'restart')))).toBeUndefined()
      expect(await control.get('after')).toBe('restart')
    })
  },
)
