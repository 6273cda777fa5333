import { connectedToTenant, LeaseRevokedError } from '@sherd/core'
import { sql as drizzleSql, eq } from 'drizzle-orm'
import { type Kysely, sql as kyselySql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { projects, type Tables } from '../src/tables.ts'
import { withDrizzle } from '../src/with-drizzle.ts'
import { withKysely } from '../src/with-kysely.ts'
import { backendPid, names, useShards } from './shards.ts'

await useShards()

/** What is asked of both, in the words of each. */
interface Session {
  pid(): Promise<number>
  names(): Promise<string[]>
  add(name: string): Promise<void>
  transaction(fn: (inside: Session) => Promise<void>): Promise<void>
}

function kyselySession(kysely: Kysely<Tables>): Session {
  return {
    pid: async () => {
      const { rows } = await kyselySql<{ pid: number }>`select pg_backend_pid() as pid`.execute(kysely)
      return rows[0]?.pid as number
    },
    names: async () => {
      const rows = await kysely.selectFrom('projects').select('name').orderBy('id').execute()
      return rows.map(({ name }) => name)
    },
    add: async (name) =>
      void (await kysely.insertInto('projects').values({ tenant: 'acme', name }).execute()),
    transaction: (fn) => kysely.transaction().execute((trx) => fn(kyselySession(trx))),
  }
}

type Drizzle = Parameters<Parameters<typeof withDrizzle>[0]>[0]

function drizzleSession(drizzle: Pick<Drizzle, 'execute' | 'select' | 'insert' | 'transaction'>): Session {
  return {
    pid: async () => {
      const { rows } = await drizzle.execute<{ pid: number }>(drizzleSql`select pg_backend_pid() as pid`)
      return rows[0]?.pid as number
    },
    names: async () => {
      const rows = await drizzle.select({ name: projects.name }).from(projects).orderBy(projects.id)
      return rows.map(({ name }) => name)
    },
    add: async (name) => void (await drizzle.insert(projects).values({ tenant: 'acme', name })),
    transaction: (fn) => drizzle.transaction((trx) => fn(drizzleSession(trx))),
  }
}

describe.each<[string, <T>(fn: (session: Session) => Promise<T>) => Promise<T>]>([
  ['Kysely', (fn) => withKysely((kysely: Kysely<Tables>) => fn(kyselySession(kysely)))],
  ['Drizzle', (fn) => withDrizzle((drizzle) => fn(drizzleSession(drizzle)))],
])('%s on the raw connection', (_name, withSession) => {
  test("queries its tenant's shard, and no other", async () => {
    const found = (tenant: string) =>
      connectedToTenant(tenant, () => withSession((session) => session.names()))
    expect(await found('initech')).toEqual(['First of initech'])
    expect(await found('globex')).toEqual(['First of acme', 'First of globex'])
  })

  test('runs on the one connection of the scope, parallel queries included', async () => {
    await connectedToTenant('acme', async () => {
      const pids = await withSession((session) => Promise.all([1, 2, 3, 4].map(() => session.pid())))
      expect(new Set(pids)).toEqual(new Set([await backendPid()]))
    })
  })

  test('commits, and rolls back whole what fails; a query beside a transaction is no part of it', async () => {
    await connectedToTenant('acme', async () => {
      const before = await names()
      await withSession(async (session) => {
        await session.transaction((inside) => inside.add('Kept'))
        const failed = session.transaction(async (inside) => {
          await inside.add('Lost')
          throw new Error('no')
        })
        const beside = session.add('Beside')
        await expect(failed).rejects.toThrow('no')
        await beside
      })
      expect(await names()).toEqual([...before, 'Kept', 'Beside'])
    })
  })

  test('dies with its callback: whoever kept it is refused, while others use the connection', async () => {
    let kept: Session | undefined
    await connectedToTenant('acme', async () => {
      await withSession(async (session) => {
        kept = session
        await session.add('Added')
      })
      const error = await causeOf(() => kept?.names())
      expect(error).toBeInstanceOf(LeaseRevokedError)
      expect(await names()).toContain('Added')
    })
    expect(await causeOf(() => kept?.names())).toBeInstanceOf(LeaseRevokedError)
    expect(await connectedToTenant('globex', names)).toHaveLength(3)
  })

  test('leaves nothing of a transaction that was left open to the next tenant', async () => {
    await connectedToTenant('acme', () =>
      withSession(async (session) => {
        await new Promise<void>((begun) => {
          const leftOpen = session.transaction(async (inside) => {
            await inside.add('Never committed')
            begun()
            await new Promise(() => {})
          })
          leftOpen.catch(() => {})
        })
      }),
    )
    expect(await connectedToTenant('globex', names)).toEqual(['First of acme', 'First of globex'])
  })
})

test('a filter of Drizzle is its own', async () => {
  const rows = await connectedToTenant('globex', () =>
    withDrizzle((drizzle) => drizzle.select().from(projects).where(eq(projects.tenant, 'globex'))),
  )
  expect(rows).toMatchObject([{ name: 'First of globex' }])
})

/** What an error comes from, as Drizzle wraps what the driver throws. */
async function causeOf(action: () => Promise<unknown> | undefined): Promise<unknown> {
  try {
    await action()
  } catch (error) {
    return (error as Error).cause ?? error
  }
  throw new Error('it was expected to fail, and did not')
}
