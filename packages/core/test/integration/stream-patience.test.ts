import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { createDatabase } from '@sherd/local-servers/test-database'
import { describe, expect, it } from 'vitest'
import { openSharding } from '../support/open-sharding.ts'

const url = await createDatabase()

describe('a stream that flows', () => {
  it('L4: is not idle while the server works on its first row, however long others wait for their turn', async () => {
    const sharding = openSharding({ shard_0: { connection: url, pool: { max: 1, checkoutTimeoutMs: 500 } } })
    const { db } = sharding
    const seen = await sharding.connectedTo('shard_0', async () => {
      const stream = db.raw('select pg_sleep(1.5), 1 as one').stream() as Readable
      const first = once(stream.resume(), 'data')
      await once(stream, 'pipe')
      const { rows } = await db.raw('select 2 as two')
      return [(await first)[0].one, rows[0].two]
    })
    expect(seen).toEqual([1, 2])
  })
})
