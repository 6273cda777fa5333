import { get, type IncomingMessage, type ServerResponse } from 'node:http'
import { currentScope, db, type Sharding } from '@sherd/core'
import { type Problem, type RequestOptions, withNodeRequest } from '@sherd/core/adapter'
import { createDatabase } from '@sherd/local-servers/test-database'
import { describe, expect, it } from 'vitest'
import { deferred } from '../support/deferred.ts'
import { errorOf } from '../support/error-of.ts'
import { openSharding } from '../support/open-sharding.ts'
import { until } from '../support/until.ts'
import { RawClient, serve } from './serve.ts'

const url = await createDatabase()

function open(pool: { max?: number; checkoutTimeoutMs?: number } = {}): Sharding {
  return openSharding({ shard_0: { connection: url, pool, tenants: ['acme', 'globex'] } })
}

const pool = (sharding: Sharding) => {
  const { active, waiting } = sharding.stats().shards['shard_0']?.writing ?? {}
  return { active, waiting }
}
const isAtRest = (sharding: Sharding) => pool(sharding).active === 0 && pool(sharding).waiting === 0

type Req = IncomingMessage & { kind?: 'wrapped' }
type Handler = (req: Req, res: ServerResponse) => Promise<unknown>

/** A framework whose middlewares are promises; what each request's promise came to is collected. */
async function application(sharding: Sharding, handler: Handler, options: Partial<RequestOptions<Req>> = {}) {
  const outcomes: Promise<unknown>[] = []
  const all = { sharding, tenant: { header: 'x-tenant-id' }, ...options }
  const { port } = await serve((req, res) => {
    const answer = ({ status, headers, body }: Problem) => {
      res.writeHead(status, headers).end(JSON.stringify(body))
      return `refused with ${status}`
    }
    const host = {
      request: Object.assign(req, { kind: 'wrapped' as const }),
      req,
      res,
      get isAnswered() {
        return res.headersSent
      },
      answer,
    }
    const outcome = withNodeRequest(host, all, () => handler(req, res))
    outcome.catch(() => res.writeHead(500).end())
    outcomes.push(outcome)
  })
  const ask = (tenant?: string) =>
    fetch(`http://127.0.0.1:${port}/`, { headers: tenant === undefined ? {} : { 'x-tenant-id': tenant } })
  return { ask, port, outcomes }
}

describe('a request that is a promise', () => {
  it('is its handler’s, in the scope of the tenant through every await, and undefined unscoped', async () => {
    const sharding = open({ max: 1 })
    const { ask, outcomes } = await application(sharding, async (_req, res) => {
      if (currentScope() !== undefined) await db.raw('select 1')
      res.end('answered')
      return currentScope()?.tenant
    })
    await ask('acme')
    await ask()
    await expect(Promise.all(outcomes)).resolves.toEqual(['acme', undefined])
    expect(currentScope()).toBeUndefined()
    await until(() => isAtRest(sharding))
  })

  it('is what answer returns when it is refused', async () => {
    const { ask, outcomes } = await application(open(), async () => 'reached', {
      tenant: ({ kind, headers }) => (kind === 'wrapped' ? String(headers['x-tenant-id']) : undefined),
    })
    expect((await ask('nobody')).status).toBe(404)
    await expect(outcomes[0]).resolves.toBe('refused with 404')
  })

  it('rejects with what its handler throws, and with a refusal that is the framework’s to answer', async () => {
    const sharding = open()
    const { ask, outcomes } = await application(
      sharding,
      () => {
        throw new Error('thrown')
      },
      { onUnavailable: 'next' },
    )
    await ask('acme')
    await ask('nobody')
    expect((await errorOf(() => outcomes[0])).message).toBe('thrown')
    expect(await errorOf(() => outcomes[1])).toMatchObject({ code: 'SHARD_ERR_TENANT_UNKNOWN' })
    await until(() => isAtRest(sharding))
  })

  it('fault 1: settles when its client leaves the queue, and the handler is not called', async () => {
    const sharding = open({ max: 1, checkoutTimeoutMs: 60_000 })
    const free = deferred()
    let reached = 0
    const { port, outcomes } = await application(sharding, async () => {
      reached++
      return 'reached'
    })
    const held = sharding.connectedTo('shard_0', () => free.promise)
    await until(() => pool(sharding).active === 1)
    const client = get({ port, headers: { 'x-tenant-id': 'acme' } }).on('error', () => {})
    await until(() => pool(sharding).waiting === 1)
    client.destroy()
    await expect(outcomes[0]).resolves.toBeUndefined()
    free.resolve()
    await held
    await until(() => isAtRest(sharding))
    expect(reached).toBe(0)
  })

  it('fault 1: settles when its client has gone before its tenant is found', async () => {
    const sharding = open()
    const tenant = deferred<string>()
    const asked = deferred()
    const gone = deferred()
    const { port, outcomes } = await application(sharding, async () => 'reached', {
      tenant: ({ socket }) => {
        socket.once('close', () => gone.resolve())
        asked.resolve()
        return tenant.promise
      },
    })
    const client = new RawClient(port)
    client.request('GET /')
    await asked.promise
    client.socket.destroy()
    await gone.promise
    tenant.resolve('acme')
    await expect(outcomes[0]).resolves.toBeUndefined()
  })

  it('goes on, and rejects, after its client has gone', async () => {
    const sharding = open()
    const inside = deferred()
    const left = deferred()
    const { port, outcomes } = await application(sharding, async (_req, res) => {
      res.once('close', () => left.resolve())
      inside.resolve()
      await left.promise
      throw new Error('after the client')
    })
    const client = get({ port, headers: { 'x-tenant-id': 'acme' } }).on('error', () => {})
    await inside.promise
    client.destroy()
    expect((await errorOf(() => outcomes[0])).message).toBe('after the client')
    await until(() => isAtRest(sharding))
  })

  it('is never taken for one without an error where nothing is thrown', async () => {
    let reached = 0
    const { ask, outcomes } = await application(open(), async () => void reached++, {
      tenant: () => {
        throw undefined
      },
    })
    expect((await ask('acme')).status).toBe(500)
    expect(await errorOf(() => outcomes[0])).toBeInstanceOf(TypeError)
    expect(reached).toBe(0)
  })
})
