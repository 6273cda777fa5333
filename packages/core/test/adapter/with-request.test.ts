import { Readable } from 'node:stream'
import {
  CheckoutAbortedError,
  CheckoutTimeoutError,
  currentScope,
  db,
  ScopeLockedError,
  type Sharding,
  TenantMissingError,
  TenantUnknownError,
} from '@sherd/core'
import { type RequestOptions, type RequestParts, toProblem, withRequest } from '@sherd/core/adapter'
import { createDatabase } from '@sherd/local-servers/test-database'
import { describe, expect, it } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { deferred } from '../support/deferred.ts'
import { errorOf } from '../support/error-of.ts'
import { openSharding } from '../support/open-sharding.ts'
import { ServerView } from '../support/server-view.ts'
import { until } from '../support/until.ts'

const url = await createDatabase()

function open(pool: { max?: number; checkoutTimeoutMs?: number } = {}): Sharding {
  return openSharding({ shard_0: { connection: url, pool, tenants: ['acme', 'globex'] } })
}

const pool = (sharding: Sharding) => {
  const { active, waiting, detachedCount } = sharding.stats().shards['shard_0']?.writing ?? {}
  return { active, waiting, detachedCount }
}
const isAtRest = (sharding: Sharding) => pool(sharding).active === 0 && pool(sharding).waiting === 0

type Options = Partial<RequestOptions<Request>>

function partsOf(request: Request): RequestParts {
  const { method, url: address, headers, signal } = request
  return { method, url: address, headers, signal }
}

/** As a framework with requests of the Fetch standard would call it. */
function handle<T>(
  sharding: Sharding,
  request: Request,
  fn: Parameters<typeof withRequest<Request, T>>[3],
  options: Options = {},
): Promise<T> {
  const all: RequestOptions<Request> = { sharding, tenant: { header: 'x-tenant-id' }, ...options }
  return withRequest(request, partsOf(request), all, fn)
}

const requestOf = (tenant: string | undefined, init: RequestInit = {}) =>
  new Request('http://localhost/projects', {
    ...init,
    headers: tenant === undefined ? {} : { 'x-tenant-id': tenant },
  })

describe('a request that is a function call', () => {
  it("runs in its tenant's scope on one connection, which goes back when the function settles", async () => {
    const sharding = open({ max: 1 })
    const seen = await handle(sharding, requestOf('acme'), async (shard) => {
      const backends = new Set([await backendPid(db), await backendPid(db)])
      return { name: shard?.name, tenant: currentScope()?.tenant, backends: backends.size, ...pool(sharding) }
    })
    expect(seen).toEqual({
      name: 'shard_0',
      tenant: 'acme',
      backends: 1,
      active: 1,
      waiting: 0,
      detachedCount: 0,
    })
    expect(currentScope()).toBeUndefined()
    await until(() => isAtRest(sharding))
    expect(pool(sharding).detachedCount).toBe(0)
  })

  it('runs unscoped without a tenant, or when it is skipped, even inside a scope', async () => {
    const sharding = open()
    const see = async (shard: unknown) => [shard, currentScope()]
    const nothing = [undefined, undefined]
    await expect(handle(sharding, requestOf(undefined), see)).resolves.toEqual(nothing)
    await expect(handle(sharding, requestOf('acme'), see, { skip: ['/projects'] })).resolves.toEqual(nothing)
    await expect(
      sharding.connectedTo('shard_0', () => handle(sharding, requestOf(undefined), see)),
    ).resolves.toEqual(nothing)
  })

  it('rejects with what the function throws, and gives the connection back', async () => {
    const sharding = open({ max: 1 })
    const bug = new Error('a bug in the application')
    const fail = () => {
      throw bug
    }
    await expect(errorOf(() => handle(sharding, requestOf('acme'), fail))).resolves.toBe(bug)
    await expect(errorOf(() => handle(sharding, requestOf('acme'), async () => fail()))).resolves.toBe(bug)
    await expect(errorOf(() => handle(sharding, requestOf(undefined), fail))).resolves.toBe(bug)
    await until(() => isAtRest(sharding))
  })

  it('rejects with refusals, from which toProblem makes answers, and has not run the function', async () => {
    const sharding = open({ max: 1, checkoutTimeoutMs: 1000 })
    let ran = 0
    const run = async () => ran++
    const refused = async (tenant: string | undefined, options: Options = {}) => {
      const error = await errorOf(() => handle(sharding, requestOf(tenant), run, options))
      return [error.constructor, toProblem(error)?.status]
    }
    await expect(refused(undefined, { required: true })).resolves.toEqual([TenantMissingError, 400])
    await expect(refused('nobody')).resolves.toEqual([TenantUnknownError, 404])
    await sharding.connectedTo('shard_0', async () => {
      await expect(refused('acme')).resolves.toEqual([CheckoutTimeoutError, 503])
    })
    await until(() => isAtRest(sharding))
    await sharding.close()
    await expect(refused('acme').then(([, status]) => status)).resolves.toBe(503)
    await expect(refused('acme', { checkout: 'lazy' }).then(([, status]) => status)).resolves.toBe(503)
    expect(ran).toBe(0)
  })

  it('never refuses OPTIONS', async () => {
    const sharding = open()
    const options = { required: true }
    const preflight = (tenant: string | undefined) =>
      handle(sharding, requestOf(tenant, { method: 'OPTIONS' }), async (shard) => shard?.tenant, options)
    await expect(preflight(undefined)).resolves.toBeUndefined()
    await expect(preflight('nobody')).resolves.toBeUndefined()
    await sharding.close()
    await expect(preflight('acme')).resolves.toBe('acme')
  })

  it('L2: takes the connection before the function for GET, and with the first query where a body may come', async () => {
    const sharding = open()
    const held = (method: string, options: Options = {}) =>
      handle(sharding, requestOf('acme', { method }), async () => pool(sharding).active, options)
    await expect(held('GET')).resolves.toBe(1)
    await until(() => isAtRest(sharding))
    await expect(held('POST')).resolves.toBe(0)
    await expect(held('GET', { checkout: 'lazy' })).resolves.toBe(0)
    await expect(held('POST', { checkout: 'eager' })).resolves.toBe(1)
    await until(() => isAtRest(sharding))
  })

  it('handled twice is in one scope on one connection, which refuses another tenant', async () => {
    const sharding = open({ max: 1 })
    const request = requestOf('acme')
    const nested = await handle(sharding, request, async () => {
      const outer = await backendPid(db)
      const inner = await handle(sharding, request, async (shard) => [shard?.tenant, await backendPid(db)])
      const kept = await handle(sharding, request, async (shard) => shard?.tenant, {
        tenant: () => undefined,
      })
      const locked = await errorOf(() =>
        handle(sharding, request, async () => {}, { tenant: () => 'globex' }),
      )
      return { same: inner[1] === outer, tenant: inner[0], kept, locked: locked.constructor }
    })
    expect(nested).toEqual({ same: true, tenant: 'acme', kept: 'acme', locked: ScopeLockedError })
    await until(() => isAtRest(sharding))
  })
})

describe('the signal of a request that is a function call', () => {
  it('that was aborted before it came takes no connection', async () => {
    const sharding = open()
    const signal = AbortSignal.abort(new Error('gone'))
    let ran = 0
    const error = await errorOf(() => handle(sharding, requestOf('acme', { signal }), async () => ran++))
    expect([error.message, ran]).toEqual(['gone', 0])
    expect(sharding.stats().shards['shard_0']?.writing.total).toBe(0)
  })

  it('fault 1: that aborts while it waits has it leave the queue at once', async () => {
    const sharding = open({ max: 1, checkoutTimeoutMs: 60_000 })
    const controller = new AbortController()
    await sharding.connectedTo('shard_0', async () => {
      let ran = 0
      const handled = handle(sharding, requestOf('acme', { signal: controller.signal }), async () => ran++)
      await until(() => pool(sharding).waiting === 1)
      controller.abort()
      expect(pool(sharding).waiting).toBe(0)
      await expect(errorOf(() => handled)).resolves.toBeInstanceOf(CheckoutAbortedError)
      expect(ran).toBe(0)
    })
    await until(() => isAtRest(sharding))
  })

  it('fault 3: that aborts in the instant in which the connection comes keeps the function from running', async () => {
    const sharding = openSharding({
      shard_0: { connection: url, pool: { max: 1 }, tenants: ['acme'], scrub: 'never' },
    })
    const controller = new AbortController()
    const done = deferred()
    const holder = sharding.connectedTo('shard_0', () => done.promise)
    await until(() => pool(sharding).active === 1)
    let ran = 0
    const handled = handle(sharding, requestOf('acme', { signal: controller.signal }), async () => ran++)
    await until(() => pool(sharding).waiting === 1)
    done.resolve()
    // Without a turn of the event loop: as soon as the pool has served the request, and before that is told.
    while (pool(sharding).waiting === 1) await Promise.resolve()
    controller.abort(new Error('gone'))
    expect((await errorOf(() => handled)).message).toBe('gone')
    expect(ran).toBe(0)
    await holder
    await until(() => isAtRest(sharding))
  })

  it('L7: that aborts cancels the running query of GET on the server', async () => {
    const sharding = open({ max: 1 })
    const server = await ServerView.open(url)
    const controller = new AbortController()
    let signal: AbortSignal | undefined
    const handled = handle(sharding, requestOf('acme', { signal: controller.signal }), async (shard) => {
      signal = shard?.signal
      await db.raw('select pg_sleep(600) as forever')
    })
    await until(() => server.running('forever'))
    controller.abort()
    expect(signal?.aborted).toBe(true)
    await expect(errorOf(() => handled)).resolves.toMatchObject({ code: '57014' })
    // The server tells its client first.
    await until(async () => (await server.running('forever')) === undefined)
    await until(() => isAtRest(sharding))
  })

  it('L7: that aborts lets the running query of POST finish', async () => {
    const sharding = open({ max: 1 })
    const server = await ServerView.open(url)
    const controller = new AbortController()
    await server.query('select pg_advisory_lock(7)')
    const handled = handle(sharding, requestOf('acme', { method: 'POST', signal: controller.signal }), () =>
      db.raw('select pg_advisory_xact_lock(7), 42 as answer'),
    )
    await until(() => server.running('as answer'))
    controller.abort()
    await server.query('select pg_advisory_unlock(7)')
    await expect(handled).resolves.toMatchObject({ rows: [{ answer: 42 }] })
    await until(() => isAtRest(sharding))
  })
})

describe('what the function leaves open', () => {
  it('L5: keeps the connection until it has been read, such as a stream in the body of the response', async () => {
    const sharding = open({ max: 1 })
    const response = await handle(sharding, requestOf('acme'), async () => {
      const rows = db.raw('select i from generate_series(1, 20000) as i').stream() as Readable
      const lines = rows.map((row: { i: number }) => Buffer.from(`${row.i}\n`))
      return new Response(Readable.toWeb(lines) as ReadableStream)
    })
    const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array>
    let text = Buffer.from((await reader.read()).value as Uint8Array).toString()
    expect(pool(sharding).active).toBe(1)
    for (let part = await reader.read(); !part.done; part = await reader.read())
      text += Buffer.from(part.value)
    expect(text.split('\n')).toHaveLength(20001)
    await until(() => isAtRest(sharding))
    expect(pool(sharding).detachedCount).toBe(0)
  })

  it('L5: gives the connection back when the reader of such a body loses interest', async () => {
    const sharding = open({ max: 1 })
    const response = await handle(sharding, requestOf('acme'), async () => {
      const rows = db.raw('select i from generate_series(1, 1000000) as i').stream() as Readable
      return new Response(
        Readable.toWeb(rows.map((row) => Buffer.from(JSON.stringify(row)))) as ReadableStream,
      )
    })
    const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array>
    await reader.read()
    await reader.cancel()
    await until(() => isAtRest(sharding))
  })

  it('L6: is a query that comes later, which takes a short lease of its own or is refused', async () => {
    const sharding = open({ max: 1 })
    const late = async (afterResponse: 'detach' | 'reject') => {
      const settled = deferred()
      const query = deferred<unknown>()
      await handle(
        sharding,
        requestOf('acme'),
        async () => {
          void settled.promise
            .then(() => db.raw('select 1 as one'))
            .then(
              ({ rows }) => query.resolve(rows),
              (error) => query.resolve(error.code),
            )
        },
        { afterResponse },
      )
      await until(() => isAtRest(sharding))
      settled.resolve()
      return query.promise
    }
    await expect(late('detach')).resolves.toEqual([{ one: 1 }])
    expect(pool(sharding).detachedCount).toBe(1)
    await expect(late('reject')).resolves.toBe('SHARD_ERR_LEASE_REVOKED')
    await until(() => isAtRest(sharding))
  })

  it('brings a client its stamp by addHeader, however the function settles, and insists on that', async () => {
    const sharding = openSharding({
      shard_0: { connection: url, replicas: [{ connection: url }], tenants: ['acme'] },
    })
    const options: RequestOptions<Request> = {
      sharding,
      tenant: { header: 'x-tenant-id' },
      readFromReplicas: { secret: 'a secret of thirty-two characters' },
    }
    const ask = (method: string, fn: () => Promise<unknown>, headers: [string, string][]) => {
      const request = requestOf('acme', { method })
      const addHeader = (name: string, value: string) => headers.push([name, value])
      return withRequest(request, { ...partsOf(request), addHeader }, options, fn)
    }
    const stamp = ['set-cookie', expect.stringMatching(/^sherd-stamp-/)]
    const write = async () => db.raw('create temporary table written ()')
    const read: [string, string][] = []
    const written: [string, string][] = []
    const failed: [string, string][] = []
    await ask('GET', async () => expect(currentScope()?.role).toBe('reading'), read)
    await ask('POST', write, written)
    await errorOf(() => ask('POST', () => write().then(() => Promise.reject(new Error('after it'))), failed))
    expect([read, written, failed]).toEqual([[], [stamp], [stamp]])
    const request = requestOf('acme')
    await expect(withRequest(request, partsOf(request), options, write)).rejects.toThrow(/needs `addHeader`/)
    await until(() => isAtRest(sharding))
  })
})
