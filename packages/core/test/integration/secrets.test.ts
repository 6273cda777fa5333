import { subscribe } from 'node:diagnostics_channel'
import { format, inspect } from 'node:util'
import { createDatabase } from '@sherd/local-servers/test-database'
import { expect, onTestFinished, test, vi } from 'vitest'
import { channels } from '../../src/diagnostics/sharding-events.ts'
import { createSharding, db } from '../../src/index.ts'
import { partsOf, type Sharding } from '../../src/sharding.ts'

const url = new URL(await createDatabase())
const PLANTED = 'pl4nted'
/** What no output may hold: the password that really opens the database, and what stands in settings beside it. */
const SECRETS = [decodeURIComponent(url.password), PLANTED]

function open(): Sharding {
  const wrong = new URL(url)
  wrong.password = PLANTED
  const { hostname: host, port, username: user } = url
  const ssl = { key: PLANTED, passphrase: PLANTED, ca: PLANTED }
  const sharding = createSharding({
    config: {
      defaults: { client: 'pg' },
      shards: {
        good: { connection: url.href, replicas: [{ connection: url.href }] },
        text: { connection: { connectionString: url.href }, session: { search_path: 'other' } },
        wrong: { connection: wrong.href, session: { 'app.token': PLANTED } },
        settings: { connection: { host, port: 1, user, password: PLANTED, ssl } },
        rotating: { connection: () => `postgres://u:${PLANTED}@h:bad/d` },
        awaited: { connection: async () => ({ host, port: 1, user, password: PLANTED, ssl }) },
        undeclared: { connection: { host, port: Number(port), user, password: PLANTED }, identity: 'eu-0' },
      },
    },
  })
  onTestFinished(() => sharding.close({ deadlineMs: 0 }))
  return sharding
}

/** Every way in which somebody prints a value. */
function printed(value: unknown): string[] {
  const texts = [
    inspect(value),
    inspect(value, { depth: null }),
    inspect(value, { depth: null, showHidden: true }),
    format('%s %o %O', value, value, value),
  ]
  try {
    texts.push(JSON.stringify({ value }) ?? '')
  } catch {
    // Objects that refer to each other cannot be printed so.
  }
  return texts
}

/** What hangs together with a Sharding, by name. */
async function everythingOf(sharding: Sharding): Promise<Map<string, unknown>> {
  const { topology, pools, router, tenantSources } = partsOf(sharding)
  const found = new Map<string, unknown>([
    ['sharding', sharding],
    ['db', sharding.db],
    ['stats', sharding.stats()],
    ['parts', { topology, pools, router, tenantSources }],
  ])
  for (const shard of topology.shards.values()) {
    const error = await sharding
      .connectedTo(shard.name, async () => {
        found.set(`db in ${shard.name}`, [db, db('t'), db.raw('select 1'), db.client, db.client.config])
        found.set(`scope in ${shard.name}`, [sharding.currentScope(), sharding.captureScope()])
        await db.transaction(async (trx) => {
          found.set(`transaction in ${shard.name}`, [trx, trx('t'), Reflect.get(trx, 'client')])
        })
        return db.raw('selec 1')
      })
      .catch((reason: unknown) => reason)
    found.set(`error of ${shard.name}`, error)
    for (const role of ['writing', 'reading'] as const) {
      const pool = pools.next(shard, role)
      const { client } = pool.knex
      found.set(`pool of ${shard.name} for ${role}`, [pool, pool.endpoint, pool.pool, pool.createLease()])
      found.set(`knex of ${shard.name} for ${role}`, [pool.knex, client, client.config.connection])
      found.set(`settings of ${shard.name} for ${role}`, [client.config, client.connectionSettings])
    }
  }
  return found
}

/** What is logged or published from here on, whoever does it. */
function everythingSaid(): unknown[] {
  const said: unknown[] = []
  const hear = (...args: unknown[]): void => {
    said.push(args)
  }
  for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) {
    vi.spyOn(console, method).mockImplementation(hear)
  }
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => said.push(String(chunk)) > 0)
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => said.push(String(chunk)) > 0)
  process.on('warning', hear)
  onTestFinished(() => {
    vi.restoreAllMocks()
    process.off('warning', hear)
  })
  for (const { name } of Object.values(channels)) subscribe(name, hear)
  return said
}

test('no secret shows when a Sharding, a part of it or an error out of it is printed', async () => {
  const said = everythingSaid()
  const sharding = open()
  for (const event of ['query', 'query-error', 'query-response', 'start']) {
    sharding.db.on(event, (...args: unknown[]) => said.push(args))
  }
  const found = await everythingOf(sharding)
  found.set('what was logged or published', said)
  vi.restoreAllMocks()
  expect(said.length).toBeGreaterThan(2)
  expect(found.get('error of good')).toMatchObject({ code: '42601' })
  expect(found.get('error of wrong')).toMatchObject({ code: 'SHARD_ERR_SHARD_UNAVAILABLE' })
  expect(found.has('transaction in text')).toBe(true)
  const leaks = [...found].filter(([, value]) =>
    printed(value).some((text) => SECRETS.some((secret) => text.includes(secret))),
  )
  expect(leaks.map(([name]) => name)).toEqual([])
})
