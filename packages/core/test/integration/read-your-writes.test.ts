import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { createSharding, type Sharding } from '@sherd/core'
import { bindNodeRequest, type RequestOptions } from '@sherd/core/adapter'
import { type PostgresServer, type PostgresStandby, startPostgres, startStandby } from '@sherd/local-servers'
import { isLong, scaled } from '@sherd/local-servers/test-scale'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { serve } from '../adapter/serve.ts'
import { deferred } from '../support/deferred.ts'
import { errorOf } from '../support/error-of.ts'
import { until } from '../support/until.ts'

let primary: PostgresServer
let standby: PostgresStandby
let sharding: Sharding

beforeAll(async () => {
  primary = await startPostgres()
  for (const name of ['one', 'two', 'plans']) await primary.createDatabase(name)
  standby = await startStandby(primary)
  const shard = (name: string) => ({
    connection: primary.urlOf(name),
    replicas: [{ connection: standby.urlOf(name) }],
    tenants: [name],
  })
  sharding = createSharding({
    config: {
      defaults: { client: 'pg' },
      shards: { one: shard('one'), two: shard('two') },
      shared: { connection: primary.urlOf('plans') },
    },
  })
  for (const name of ['one', 'two']) {
    await sharding.connectedTo(name, () =>
      sharding.db.raw('create table notes (client text primary key, n int)'),
    )
  }
  await standby.caughtUp()
})

afterAll(async () => {
  await sharding.close({ deadlineMs: 0 })
  await Promise.all([standby.stop(), primary.stop()])
})

afterEach(async () => {
  await standby.resumeReplay()
  await until(() =>
    Object.values(sharding.stats().shards).every(
      ({ writing, reading }) => writing.active + reading.active + writing.waiting + reading.waiting === 0,
    ),
  )
})

interface Seen {
  readonly n: number
  readonly onReplica: boolean
}

/** `n` of a client, and who said so. */
async function read(client: string): Promise<Seen> {
  const { db } = sharding
  const { rows } = await db.raw(
    `select coalesce((select n from notes where client = ?), 0) as n, pg_is_in_recovery() as "onReplica"`,
    [client],
  )
  return rows[0]
}

async function write(client: string): Promise<number> {
  const { db } = sharding
  const [row] = await db('notes')
    .insert({ client, n: 1 })
    .onConflict('client')
    .merge({ n: db.raw('notes.n + 1') })
    .returning('n')
  return row.n
}

const WINDOW_MS = 600
/** Replicas never lag longer; what is left of the window is for the time that replaying takes. */
const LONGEST_LAG_MS = 250

type Options = RequestOptions<IncomingMessage>

/** An application in which a client asks for its own row, or adds one to it. */
async function startApp(): Promise<number> {
  const options: Options = {
    sharding,
    tenant: { header: 'x-tenant-id' },
    readFromReplicas: { windowMs: WINDOW_MS, secret: 'a secret of thirty-two characters' },
  }
  const handle = async (req: IncomingMessage, res: ServerResponse) => {
    const client = String(req.headers['x-client'])
    const answer = req.method === 'GET' ? await read(client) : { n: await write(client) }
    if (req.url === '/throw') throw new Error('after the write')
    res.end(JSON.stringify(answer))
  }
  const { port } = await serve((req, res) => {
    bindNodeRequest(req, res, options, () => {
      handle(req, res).catch((error) => {
        res.statusCode = 500
        res.end(JSON.stringify({ error: error.message }))
      })
    })
  })
  return port
}

/** One client with cookies of its own. */
class Client {
  readonly #url: string
  readonly name: string
  readonly #tenant: string
  cookie = ''

  constructor(port: number, name: string, tenant = 'one') {
    this.#url = `http://127.0.0.1:${port}`
    this.name = name
    this.#tenant = tenant
  }

  async #ask(method: string, path = '/'): Promise<unknown> {
    const headers = { 'x-tenant-id': this.#tenant, 'x-client': this.name, cookie: this.cookie }
    const response = await fetch(this.#url + path, { method, headers })
    const [stamp] = response.headers.getSetCookie()
    if (stamp !== undefined) this.cookie = stamp.split(';')[0] as string
    return response.json()
  }

  read(): Promise<Seen> {
    return this.#ask('GET') as Promise<Seen>
  }

  async write(path?: string): Promise<number | undefined> {
    return ((await this.#ask('POST', path)) as { n?: number }).n
  }
}

describe('with a replica that lags', () => {
  test('a client reads what it has written, whoever else reads what is older', async () => {
    const port = await startApp()
    const [writer, reader] = [new Client(port, 'lag'), new Client(port, 'lag')]
    expect(await writer.write()).toBe(1)
    await standby.caughtUp()
    await standby.pauseReplay()
    expect(await writer.write()).toBe(2)
    expect(await writer.read()).toEqual({ n: 2, onReplica: false })
    expect(await reader.read()).toEqual({ n: 1, onReplica: true })
    const elsewhere = new Client(port, 'lag', 'two')
    elsewhere.cookie = writer.cookie
    expect(await elsewhere.read()).toEqual({ n: 0, onReplica: true })
    expect(await reader.write('/throw')).toBeUndefined()
    expect(await reader.read()).toEqual({ n: 3, onReplica: false })
  })

  test(`${scaled(10_000)} pairs of a write and a read: none stale; who wrote long ago is served by the replica`, {
    timeout: isLong ? 600_000 : 60_000,
  }, async () => {
    const seed = Date.now() % 1_000_000
    const random = randomNumbers(seed)
    const port = await startApp()
    const pairs = scaled(10_000)
    const counts = {
      pairs: 0,
      stale: 0,
      later: 0,
      laterOnReplica: 0,
      staleLater: 0,
      control: 0,
      controlStale: 0,
    }
    const lagging = lagAtRandom(random)

    const runClient = async (index: number) => {
      const client = new Client(port, `client ${index}`)
      // The same client without its cookies: it shows what the stamps are for.
      const control = new Client(port, client.name)
      while (counts.pairs < pairs) {
        counts.pairs++
        const written = (await client.write()) as number
        if (random() < 0.2) {
          control.cookie = ''
          counts.control++
          if ((await control.read()).n < written) counts.controlStale++
        }
        if ((await client.read()).n < written) counts.stale++
        if (random() < 0.05) {
          await delay(WINDOW_MS + random() * WINDOW_MS)
          const { n, onReplica } = await client.read()
          counts.later++
          if (onReplica) counts.laterOnReplica++
          if (n < written) counts.staleLater++
        }
      }
    }
    await Promise.all(Array.from({ length: 8 }, (_, index) => runClient(index)))
    const longestLagMs = await lagging.stop()

    const shares = `${counts.laterOnReplica} of ${counts.later} later reads on the replica`
    console.log(
      `seed ${seed}: ${JSON.stringify(counts)}, ${shares}, longest lag ${Math.round(longestLagMs)} ms`,
    )
    expect(counts.stale).toBe(0)
    expect(counts.laterOnReplica).toBe(counts.later)
    expect(counts.later).toBeGreaterThan(0)
    if (longestLagMs < WINDOW_MS) expect(counts.staleLater).toBe(0)
    // Otherwise the replica has not lagged, and nothing has been shown.
    expect(counts.controlStale).toBeGreaterThan(0)
  })
})

/** Between 0 and 1. */
function randomNumbers(seed: number): () => number {
  const numbers = fc.sample(fc.noBias(fc.nat(999_999)), { seed, numRuns: 10_000 })
  let next = 0
  return () => (numbers[next++ % numbers.length] as number) / 1_000_000
}

/** Pauses the replay again and again; `stop` tells how long it was behind at most. */
function lagAtRandom(random: () => number): { stop(): Promise<number> } {
  let isStopped = false
  let longest = 0
  const lagging = (async () => {
    while (!isStopped) {
      const since = performance.now()
      await standby.pauseReplay()
      await delay(random() * LONGEST_LAG_MS)
      await standby.resumeReplay()
      await standby.caughtUp()
      longest = Math.max(longest, performance.now() - since)
      await delay(random() * 50)
    }
  })()
  return {
    async stop() {
      isStopped = true
      await lagging
      return longest
    },
  }
}

test('a store is told of what a scope inside of a transaction has written, once that is committed', async () => {
  const { db } = sharding
  const stored: string[] = []
  const options: Options = {
    sharding,
    tenant: { header: 'x-tenant-id' },
    readFromReplicas: {
      store: {
        lastWrite: async () => undefined,
        wrote: async (_req, shard) => {
          // On a connection of its own it is seen only once it is committed.
          const { rows } = await sharding.connectedTo({ separate: true }, () =>
            db.raw(`select n from notes where client = 'stored'`),
          )
          stored.push(`${shard} ${rows[0]?.n}`)
        },
      },
    },
  }
  const { port } = await serve((req, res) => {
    bindNodeRequest(req, res, options, () => {
      db.transaction(() => sharding.connectedTo({ preventWrites: false }, () => write('stored'))).then(
        () => res.end(stored.join()),
        (error) => res.end(String(error)),
      )
    })
  })
  const response = await fetch(`http://127.0.0.1:${port}`, {
    method: 'POST',
    headers: { 'x-tenant-id': 'one' },
  })
  expect(await response.text()).toBe('one 1')
})

describe('a job that has written', () => {
  const reading = <T>(fn: () => Promise<T>) => sharding.connectedTo({ role: 'reading' }, fn)
  const other = <T>(fn: () => Promise<T>) => sharding.unlocked(() => sharding.connectedTo('two', fn))

  test('reads the primary for the rest of it, the other shards their replicas, and the next job the replica', async () => {
    await sharding.connectedTo('one', async () => {
      expect((await reading(() => read('job'))).onReplica).toBe(true)
      expect(await write('job')).toBe(1)
      expect(await reading(() => read('job'))).toEqual({ n: 1, onReplica: false })
      expect((await other(() => reading(() => read('job')))).onReplica).toBe(true)
    })
    await sharding.connectedTo({ shard: 'one', role: 'reading' }, async () => {
      expect((await read('job')).onReplica).toBe(true)
    })
  })

  test('has written as soon as a statement may have, by any way there is', async () => {
    const { db } = sharding
    const ways: Record<string, () => Promise<unknown>> = {
      builder: () => write('ways'),
      raw: () => db.raw(`insert into notes values ('raw' || random(), 1)`),
      'a function that nobody knows': () => db.raw(`select set_config('app.x', '1', false)`),
      transaction: () => db.transaction(async () => write('ways')),
      'a transaction without a callback': async () => {
        const trx = await db.transaction()
        await trx('notes').where({ client: 'ways' }).update({ n: 7 })
        await trx.commit()
      },
      'a raw connection': () => sharding.withRawConnection(async () => {}),
      stream: async () => {
        for await (const _ of db.raw(`update notes set n = n returning n`).stream() as AsyncIterable<unknown>)
          break
      },
      'a statement that fails': () => errorOf(() => db.raw('insert into nowhere values (1)')),
      'a scope inside': () => sharding.connectedTo('one', () => write('ways')),
      'a sibling': () => Promise.all([write('ways'), delay(1)]),
    }
    for (const [way, run] of Object.entries(ways)) {
      await sharding.connectedTo('one', async () => {
        expect((await reading(() => read('ways'))).onReplica, `before ${way}`).toBe(true)
        await run()
        expect((await reading(() => read('ways'))).onReplica, `after ${way}`).toBe(false)
      })
    }
    await sharding.connectedTo('one', async () => {
      await db('notes').count()
      await db.transaction(async () => db('notes').max('n'))
      expect((await reading(() => read('ways'))).onReplica, 'after plain reads').toBe(true)
    })
  })

  test('reads inside of its transaction what that has not committed, and writes nothing by that', async () => {
    const { db } = sharding
    await sharding.connectedTo('one', async () => {
      await db.transaction(async () => {
        await write('inside')
        expect(await reading(() => read('inside'))).toEqual({ n: 1, onReplica: false })
        expect(await errorOf(() => reading(() => write('inside')))).toMatchObject({
          code: 'SHARD_ERR_WRITE_PREVENTED',
        })
      })
    })
  })

  test('reads the primary around what has written, too, once what is open on the replica has ended', async () => {
    const { db } = sharding
    const onReplica = async () => (await read('around')).onReplica
    const written = () => sharding.connectedTo({ role: 'writing' }, () => write('around'))
    await sharding.connectedTo({ shard: 'one', role: 'reading' }, async () => {
      expect(await onReplica()).toBe(true)
      await db.transaction(async () => {
        expect(await onReplica()).toBe(true)
        await written()
        expect(await onReplica()).toBe(true)
      })
      expect(await onReplica()).toBe(false)
      await db.transaction(async () => expect(await onReplica()).toBe(false))
      expect(await reading(onReplica)).toBe(false)
      expect(await errorOf(() => write('around'))).toMatchObject({ code: 'SHARD_ERR_WRITE_PREVENTED' })
      // What has been given back is cleaned first.
      const active = (role: 'reading' | 'writing') => sharding.stats().shards['one']?.[role]?.active
      await until(() => active('reading') === 0)
      expect(active('writing')).toBe(1)
    })
    await sharding.connectedTo({ shard: 'one', role: 'reading' }, async () => {
      for await (const _ of db
        .raw('select generate_series(1, 1000)')
        .stream({ batchSize: 1 }) as AsyncIterable<unknown>) {
        await written()
        expect(await onReplica()).toBe(true)
        break
      }
      expect(await onReplica()).toBe(false)
      await Promise.all([
        written(),
        onReplica(),
        written(),
        onReplica(),
        sharding.releaseConnection().catch(() => {}),
      ])
    })
  })

  test('reads what was written before a query ran, not before it was built', async () => {
    const { db } = sharding
    const onReplica = 'select pg_is_in_recovery() as "onReplica"'
    const written = () => sharding.connectedTo({ role: 'writing' }, () => write('built'))
    const readers: Record<string, () => () => Promise<unknown>> = {
      query: () => {
        const query = db.raw(onReplica)
        return async () => (await query).rows
      },
      stream: () => {
        const query = db.raw(onReplica)
        return async () => {
          for await (const row of query.stream() as AsyncIterable<unknown>) return [row]
          return []
        }
      },
      transaction: () => {
        const provide = db.transactionProvider()
        return async () => {
          const trx = await provide()
          const { rows } = await trx.raw(onReplica)
          await trx.commit()
          return rows
        }
      },
    }
    for (const [name, build] of Object.entries(readers)) {
      await sharding.connectedTo({ shard: 'one', role: 'reading' }, async () => {
        const run = build()
        await written()
        expect(await run(), name).toEqual([{ onReplica: false }])
      })
    }
  })

  test('reads the primary although a connection to the replica was asked for before, and keeps neither', async () => {
    const url = primary.urlOf('one')
    const own = createSharding({
      config: {
        defaults: { client: 'pg' },
        shards: {
          one: { connection: url, replicas: [{ connection: standby.urlOf('one'), pool: { max: 1 } }] },
        },
      },
    })
    onTestFinished(() => own.close({ deadlineMs: 0 }))
    const target = { shard: 'one', role: 'reading' } as const
    const onReplica = async () => {
      return (await own.db.raw('select pg_is_in_recovery() as r')).rows[0].r
    }
    const waiting = () => until(() => own.stats().shards['one']?.reading.waiting === 1)
    const [free, taken] = [deferred(), deferred()]
    const holder = own.connectedTo(target, async () => {
      taken.resolve()
      await free.promise
    })
    await taken.promise
    await own.connectedTo({ ...target, checkout: 'lazy' }, async () => {
      const eager = own.connectedTo({ role: 'reading' }, onReplica)
      await waiting()
      await own.connectedTo({ role: 'writing' }, () => own.db.raw(`insert into notes values ('asked', 1)`))
      const read = onReplica()
      free.resolve()
      expect(await Promise.all([read, eager])).toEqual([false, false])
    })
    await holder
    await until(() => {
      const { reading, writing } = own.stats().shards['one'] ?? {}
      return reading?.active === 0 && writing?.active === 0
    })
    // Both pools lend what they have got back.
    expect(await own.connectedTo(target, onReplica)).toBe(true)
  })

  test('is read inside of its transaction on a shared database that has replicas, by scopes that only read', async () => {
    const replicated = (name: string) => ({
      connection: primary.urlOf(name),
      replicas: [{ connection: standby.urlOf(name) }],
    })
    const own = createSharding({
      config: {
        defaults: { client: 'pg' },
        shards: { one: replicated('one') },
        shared: { ...replicated('two'), pool: { max: 1 } },
      },
    })
    onTestFinished(() => own.close({ deadlineMs: 0 }))
    const { db, connectedTo } = own
    const inReading = <T>(fn: () => Promise<T>) => connectedTo({ role: 'reading' }, fn)
    await connectedTo('one', () =>
      db.shared.transaction(async () => {
        const { rows } = await inReading(async () => db.shared.raw('select pg_is_in_recovery() as r'))
        expect(rows).toEqual([{ r: true }])
        await db.shared('notes').insert({ client: 'plans', n: 1 })
        await inReading(async () => {
          expect(await db.shared('notes').where({ client: 'plans' }).pluck('n')).toEqual([1])
          expect(await errorOf(() => db.shared('notes').del())).toMatchObject({
            code: 'SHARD_ERR_WRITE_PREVENTED',
          })
        })
      }),
    )
    await until(() => own.stats().shards['shared']?.writing.active === 0)
  })

  test('leaves no connection out, to the primary, the replica or the shared database, however it ends', async () => {
    const { db } = sharding
    const begun = async () => {
      await db.shared.raw('select 1')
      await write('ends')
      await reading(() => read('ends'))
      await sharding.connectedTo({ role: 'reading', separate: true }, () => read('ends'))
    }
    const early = async () => reading(() => read('ends'))
    const never = deferred()
    const endings: Record<string, () => Promise<unknown>> = {
      'by returning': async () => {
        await early()
        await begun()
      },
      'by throwing': async () => {
        await begun()
        throw new Error('thrown')
      },
      'by throwing inside of a scope that reads': async () => {
        await write('ends')
        await reading(async () => {
          await read('ends')
          throw new Error('thrown')
        })
      },
      'with a transaction left open': async () => {
        await early()
        const trx = await db.transaction()
        await trx('notes').where({ client: 'ends' }).update({ n: 1 })
        await (await db.shared.transaction()).raw('select 1')
      },
      'with scopes that nobody awaits': async () => {
        const [reads, writes] = [deferred(), deferred()]
        void reading(async () => {
          reads.resolve()
          await never.promise
        }).catch(() => {})
        await reads.promise
        void sharding
          .connectedTo({ role: 'writing', separate: true }, async () => {
            await write('ends')
            writes.resolve()
            await never.promise
          })
          .catch(() => {})
        await writes.promise
      },
      'with a query on its way': async () => {
        await write('ends')
        void reading(() => db.raw('select pg_sleep(0.05)')).catch(() => {})
        void db.raw('select pg_sleep(0.05)').catch(() => {})
        void db.shared.raw('select pg_sleep(0.05)').catch(() => {})
      },
      'with a connection that is lost': async () => {
        await begun()
        await db.raw('select pg_terminate_backend(pg_backend_pid())').catch(() => {})
        await reading(() => read('ends'))
      },
    }
    for (const run of Object.values(endings)) {
      await sharding.connectedTo('one', run).catch(() => {})
      const out = () =>
        Object.values(sharding.stats().shards).flatMap((roles) =>
          Object.values(roles).flatMap(({ active, waiting }) => [active, waiting]),
        )
      await until(() => out().every((count) => count === 0))
    }
    never.resolve()
  })
})
