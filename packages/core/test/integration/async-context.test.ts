import { AsyncLocalStorage } from 'node:async_hooks'
import { expect } from 'vitest'
import { engine, test } from '../support/engine.ts'
import { openSharding } from '../support/open-sharding.ts'
import { until } from '../support/until.ts'

const url = await engine.createDatabase()

interface Client {
  on(event: string, listener: () => void): void
  query(sql: string): Promise<unknown>
  readonly connection: { readonly stream: { on(event: string, listener: () => void): void } }
}

test.needs('NOTICES')(
  'L10: a connection opened in a request carries nothing of its async context',
  async () => {
    const request = new AsyncLocalStorage<string>()
    const seen: Record<string, (string | undefined)[]> = { hook: [], notice: [], data: [], scope: [] }
    let isFirst = true
    const sharding = openSharding({
      one: {
        connection: url,
        tenants: ['a', 'b'],
        pool: { max: 1 },
        async afterCreate(raw) {
          const client = raw as Client
          seen['hook']?.push(request.getStore())
          seen['scope']?.push(sharding.currentScope()?.tenant)
          if (isFirst) {
            client.on('notice', () => seen['notice']?.push(request.getStore()))
            client.connection.stream.on('data', () => seen['data']?.push(request.getStore()))
          }
          isFirst = false
          await client.query('select 1')
          seen['hook']?.push(request.getStore())
        },
      },
    })
    const notice = () => sharding.db.raw("do $$ begin raise notice 'hello'; end $$")
    for (const tenant of ['a', 'b', 'a']) {
      await request.run(`request of ${tenant}`, () =>
        sharding.connectedToTenant(tenant, async () => {
          await notice()
          expect(request.getStore()).toBe(`request of ${tenant}`)
          expect(sharding.currentScope()?.tenant).toBe(tenant)
        }),
      )
    }
    await until(() => sharding.stats().shards['one']?.writing.idle === 1)
    expect(seen['hook']).toHaveLength(8)
    expect(seen['notice']).toHaveLength(3)
    for (const [where, stores] of Object.entries(seen)) {
      expect(stores.length, where).toBeGreaterThan(0)
      expect(new Set(stores), where).toEqual(new Set([undefined]))
    }
  },
)

test('L10: a waiting request is served in its own context, whoever gave the connection back', async () => {
  const request = new AsyncLocalStorage<number>()
  const sharding = openSharding({ one: { connection: url, pool: { max: 1 } } })
  await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      request.run(index, () =>
        sharding.connectedTo('one', async () => {
          expect(request.getStore()).toBe(index)
          const rows = engine.rows(await sharding.db.raw(`select ${engine.sql.int} as n`, [index]))
          expect([rows[0].n, request.getStore()]).toEqual([index, index])
        }),
      ),
    ),
  )
})
