import { createPool } from 'generic-pool'
import type { FakeConnection, PoolUnderTest } from './pool-under-test.ts'

export function createGenericPool(max: number): PoolUnderTest<FakeConnection> {
  let opened = 0
  const pool = createPool<FakeConnection>(
    {
      create: async () => ({ number: opened++, holder: undefined }),
      destroy: async () => {},
    },
    { min: 0, max, acquireTimeoutMillis: 30_000 },
  )
  return {
    acquire: () => pool.acquire() as Promise<FakeConnection>,
    connectionOf: (connection) => connection,
    release: (connection) => void pool.release(connection),
    async close() {
      await pool.drain()
      await pool.clear()
    },
  }
}
