import type { RawConnection } from '../raw-connection.ts'
import type { SqliteConnection } from './sqlite-connection.ts'

const LONGEST_PAUSE_MS = 20

/**
 * Waits for the one lock that SQLite has for writers, between two attempts to take it.
 *
 * SQLite's own busy timeout would stop the whole process while it waits, and with it whoever holds the lock there:
 * nobody would ever give it back. So drivers are told not to wait at all, and to wait is left to timers.
 */
export class LockWaits {
  readonly #waiting = new Map<RawConnection, AbortController>()

  /** The outcome of `attempt` once it does not fail on the lock, or its failure when the connection's patience ends. */
  async until<T>(connection: SqliteConnection, attempt: () => T): Promise<T> {
    const deadline = performance.now() + connection.patienceMs
    const controller = new AbortController()
    for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        return attempt()
      } catch (error) {
        if (!isLocked(error) || controller.signal.aborted || performance.now() > deadline) throw error
      }
      this.#waiting.set(connection, controller)
      await pause(pauseMs, controller.signal)
      this.#waiting.delete(connection)
      // libsql ends the process when a closed connection is asked for anything.
      if (!connection.open) throw new Error('The connection was closed while it waited for a lock.')
    }
  }

  /** Whoever waits on this connection tries once more, and then no more. */
  giveUp(connection: RawConnection): void {
    this.#waiting.get(connection)?.abort()
  }
}

/**
 * Whether another connection has the lock. One that has changed the database since this one's transaction began to read
 * it (`SQLITE_BUSY_SNAPSHOT`, https://www.sqlite.org/rescode.html#busy_snapshot) is not waited for: that would not help.
 */
export function isLocked(error: unknown): boolean {
  const { code } = error as { code?: string }
  return code === 'SQLITE_BUSY' || code === 'SQLITE_BUSY_RECOVERY'
}

/** All waits of this process: their connections tell them apart. */
export const lockWaits = new LockWaits()

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}
