/** A resource that costs nothing, so that what is left is the pool. */
export interface FakeConnection {
  readonly number: number
  /** Who has it; nobody else may. */
  holder: number | undefined
}

/** A pool of a library, at its own interface. `L` is what it lends. */
export interface PoolUnderTest<L = unknown> {
  /** A promise only where the pool answers with one. */
  acquire(): L | Promise<L>
  connectionOf(lent: L): FakeConnection
  release(lent: L): void
  /** Waits for a connection, and leaves when the returned function is called; absent where nobody can leave. */
  enter?(): () => void
  close(): Promise<unknown>
}

export const POOL_NAMES = ['Sherd', 'tarn', 'pg-pool', 'generic-pool'] as const
export type PoolName = (typeof POOL_NAMES)[number]
