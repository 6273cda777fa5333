import { EventEmitter } from 'node:events'
import PgPool from 'pg-pool'
import type { FakeConnection, PoolUnderTest } from './pool-under-test.ts'

let opened = 0

/** What pg-pool asks of a client of pg. */
class FakeClient extends EventEmitter implements FakeConnection {
  readonly number = opened++
  holder: number | undefined
  readonly _queryable = true
  readonly _ending = false

  connect(done: (error?: Error) => void): void {
    setImmediate(done)
  }

  ref(): void {}

  unref(): void {}

  end(done?: () => void): void {
    done?.()
  }
}

type Lent = FakeClient & { release(): void }

export function createPgPool(max: number): PoolUnderTest<Lent> {
  const pool = new PgPool({ max, Client: FakeClient as never, connectionTimeoutMillis: 30_000 } as never)
  return {
    acquire: () => pool.connect() as unknown as Promise<Lent>,
    connectionOf: (client) => client,
    release: (client) => client.release(),
    close: () => pool.end(),
  }
}
