import type { Readable } from 'node:stream'
import type { RawConnection } from './raw-connection.ts'

/** What drivers' connections have that lead to a server. */
interface Emitter {
  once(event: 'end', listener: () => void): unknown
  off(event: 'end', listener: () => void): unknown
}

/**
 * Lets a driver's stream be destroyed although its connection is lost. That of node-postgres would wait for ever: for
 * the server to confirm that it is ready for the next query
 * (https://github.com/brianc/node-postgres/blob/master/packages/pg-cursor/index.js, `close`).
 */
export function endWithConnection(source: Readable, connection: RawConnection): void {
  const { _destroy } = source
  source._destroy = (error, callback) => {
    const emitter = connection as Partial<Emitter>
    let isOver = false
    const over = (own?: Error | null) => {
      if (isOver) return
      isOver = true
      emitter.off?.('end', lost)
      callback(own ?? error)
    }
    const lost = () => over()
    if (connection.__knex__disposed) {
      lost()
      return
    }
    emitter.once?.('end', lost)
    _destroy.call(source, error, over)
  }
}
