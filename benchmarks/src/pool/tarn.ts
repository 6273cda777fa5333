import { Pool } from 'tarn'
import type { FakeConnection, PoolUnderTest } from './pool-under-test.ts'

/** The pool of knex. */
export function createTarn(max: number): PoolUnderTest<FakeConnection> {
  let opened = 0
  const pool = new Pool<FakeConnection>({
    create: () => Promise.resolve({ number: opened++, holder: undefined }),
    destroy: () => {},
    min: 0,
    max,
  })
  return {
    acquire: () => pool.acquire().promise,
    connectionOf: (connection) => connection,
    release: (connection) => void pool.release(connection),
    enter() {
      const pending = pool.acquire()
      pending.promise.catch(() => {})
      return () => pending.abort()
    },
    close: () => pool.destroy(),
  }
}
