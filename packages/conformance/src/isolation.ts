import { EventEmitter } from 'node:events'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { bindScope, currentScope, db } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { openSharding } from '../../core/test/support/open-sharding.ts'
import type { HostRequest, HostResponse, StartApp } from './host.ts'
import { atRest, type RunningApplication, start } from './support/application.ts'

const SHARDS = 5
const TENANTS = 50
const REQUESTS = 500
/** Every tenant has this many rows, under other ids than every other tenant's. */
const ROWS = 7

const shardOf = (tenant: number) => tenant % SHARDS
const name = (tenant: number) => `tenant-${tenant}`
const rowsOf = (tenant: number) => Array.from({ length: ROWS }, (_, index) => tenant * 1000 + index)

const urls = await Promise.all(Array.from({ length: SHARDS }, () => createDatabase()))
await Promise.all(
  urls.map(async (url, shard) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query('create table rows (tenant text not null, id int not null)')
    for (let tenant = 0; tenant < TENANTS; tenant++) {
      if (shardOf(tenant) !== shard) continue
      await client.query('insert into rows select $1, unnest($2::int[])', [name(tenant), rowsOf(tenant)])
    }
    await client.end()
  }),
)

/** What a request saw at one place. */
interface Sight {
  readonly place: string
  readonly tenant: string | undefined
  readonly shard: string | undefined
  readonly database: string
  readonly pid: number
  readonly mark: string | null
  readonly ids: number[]
}

async function look(place: string): Promise<Sight> {
  const scope = currentScope()
  const { rows } = await db.raw(
    `select pg_backend_pid() as pid, current_database() as database, current_setting('app.mark', true) as mark`,
  )
  const ids = await db('rows').where({ tenant: scope?.tenant }).orderBy('id').pluck('id')
  return { place, tenant: scope?.tenant, shard: scope?.shard, ...rows[0], ids }
}

/** Everything that may lose or mix up a context: timers, emitters, streams, transactions, side by side. */
async function tour(req: HostRequest, res: HostResponse): Promise<void> {
  const mark = `${currentScope()?.tenant}:${req.headers['x-request-number']}`
  const seen: Sight[] = [...((req as { early?: Sight[] }).early ?? [])]
  await db.raw(`select set_config('app.mark', ?, false)`, [mark])
  seen.push(await look('handler'))
  await delay(Math.random() * 3)
  seen.push(await look('timer'))
  const emitter = new EventEmitter()
  const heard = new Promise<Sight>((resolve, reject) => {
    emitter.on(
      'news',
      bindScope(() => look('emitter').then(resolve, reject)),
    )
  })
  outsider.once('turn', () => emitter.emit('news'))
  seen.push(await heard)
  seen.push(...(await Promise.all([look('side by side'), look('side by side'), look('side by side')])))
  seen.push(await db.transaction(() => look('transaction')))
  for await (const _row of db('rows').where({ tenant: currentScope()?.tenant }).stream() as Readable) {
    seen.push(await look('stream'))
  }
  res.json({ mark, parsing: (req as { parsing?: string }).parsing, seen })
}

/** Emits from a context that belongs to no request. */
const outsider = new EventEmitter().setMaxListeners(0)
setInterval(() => outsider.emit('turn'), 2).unref()

async function application(startApp: StartApp) {
  const shards = Object.fromEntries(
    urls.map((connection, shard) => [
      `shard_${shard}`,
      {
        connection,
        tenants: Array.from({ length: TENANTS }, (_, tenant) => tenant)
          .filter((tenant) => shardOf(tenant) === shard)
          .map(name),
      },
    ]),
  )
  const sharding = openSharding(shards, { pool: { max: 4, checkoutTimeoutMs: 60_000 } })
  const app = await start(startApp, {
    sharding,
    // The connection is not taken yet, and is with the first query.
    beforeBody: async (req) => Object.assign(req, { early: [await look('before parsing')] }),
    whileParsing: (req) => void Object.assign(req, { parsing: currentScope()?.tenant }),
    routes: (routes) => {
      routes.all('/tour', tour)
    },
  })
  return { app, sharding }
}

function bodyOf(number: number): RequestInit {
  const text = 'x'.repeat(number * 40)
  switch (number % 4) {
    case 0:
      return {
        method: 'POST',
        body: JSON.stringify({ text }),
        headers: { 'content-type': 'application/json' },
      }
    case 1:
      return { method: 'POST', body: new URLSearchParams({ text }) }
    case 2: {
      const form = new FormData()
      form.append('file', new Blob([text]), 'file.txt')
      return { method: 'POST', body: form }
    }
    default:
      return {}
  }
}

async function checkedTour(app: RunningApplication, number: number): Promise<void> {
  const tenant = number % TENANTS
  const init = bodyOf(number)
  const headers = { ...(init.headers as object), 'x-request-number': String(number) }
  const response = await app.ask('/tour', name(tenant), { ...init, headers })
  expect(response.status).toBe(200)
  const { mark, parsing, seen } = (await response.json()) as { mark: string; parsing?: string; seen: Sight[] }
  expect(parsing).toBe(number % 4 < 2 ? name(tenant) : undefined)
  expect(mark).toBe(`${name(tenant)}:${number}`)
  const [first] = seen
  for (const sight of seen) {
    expect(sight).toEqual({
      place: sight.place,
      tenant: name(tenant),
      shard: `shard_${shardOf(tenant)}`,
      database: new URL(urls[shardOf(tenant)] as string).pathname.slice(1),
      pid: first?.pid,
      mark: sight.place === 'before parsing' ? sight.mark : mark,
      ids: rowsOf(tenant),
    })
  }
  // A setting of another request would be somebody else's mark; a custom setting is clean at NULL or ''.
  expect(first?.mark || null).toBeNull()
  expect(seen.map(({ place }) => place)).toEqual([
    'before parsing',
    'handler',
    'timer',
    'emitter',
    'side by side',
    'side by side',
    'side by side',
    'transaction',
    ...Array(ROWS).fill('stream'),
  ])
}

export function describeIsolation(name: string, startApp: StartApp): void {
  describe(`${name}`, () => {
    it(`S1: keeps ${REQUESTS} interleaved requests of ${TENANTS} tenants on ${SHARDS} shards apart, wherever they look`, {
      timeout: 60_000,
    }, async () => {
      const { app, sharding } = await application(startApp)
      await Promise.all(Array.from({ length: REQUESTS }, (_, number) => checkedTour(app, number)))
      await atRest(sharding)
      for (const { writing } of Object.values(sharding.stats().shards)) {
        expect(writing.total).toBeLessThanOrEqual(4)
        expect(writing.detachedCount).toBe(0)
      }
    })
  })
}
