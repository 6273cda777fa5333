// What the applications of the shutdown tests have in common. Each is a process of its own: see `describeShutdown`.
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { createSharding, db, type Sharding } from '@sherd/core'
import type { Shutdown, ShutdownOptions } from '@sherd/core/adapter'

export const sharding: Sharding = createSharding({
  config: {
    tenant: { header: 'x-tenant-id' },
    router: { strategy: 'static' },
    defaults: { client: 'pg', pool: { max: 8, checkoutTimeoutMs: 10_000 } },
    shards: { shard_0: { connection: process.env['DATABASE_URL'] as string, tenants: ['acme'] } },
  },
})

export const options = JSON.parse(process.env['SHUTDOWN_OPTIONS'] ?? '{}') as ShutdownOptions

/** `id` in the table says that the request has been accepted. */
export async function work(id: string): Promise<string> {
  await db('accepted').insert({ id })
  await db.transaction(async () => {
    await db.raw('select pg_sleep(?)', [id.startsWith('slow') ? 1 : 0.02])
    await db('done').insert({ id })
  })
  return id
}

/** Lines from a cursor, for half a second. */
export function lines(id: string): Readable {
  return Readable.from(
    (async function* () {
      await db('accepted').insert({ id })
      const rows = db.raw('select n from generate_series(1, 20) n').stream() as AsyncIterable<{ n: number }>
      for await (const { n } of rows) {
        await delay(25)
        yield `${n}\n`
      }
    })(),
  )
}

/** Never ends by itself. */
export async function hang(id: string): Promise<void> {
  await db('accepted').insert({ id })
  await db.raw('select pg_sleep(3600)')
}

/** Tells the test where the application listens, and when it has begun to end. */
export function tell(server: Server, { signal }: Shutdown): void {
  const { port } = server.address() as AddressInfo
  signal.addEventListener('abort', () => console.log('ending'))
  console.log(`port ${port}`)
}
