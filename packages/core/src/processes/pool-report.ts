import { liveShardings } from '../live-sharding.ts'
import { openConnectionsOf } from './open-connections.ts'

/** Tells of connections that a process has while it starts workers: once for each Sharding. */
export class PoolReport {
  readonly #told = new Set<string>()

  forking(): void {
    for (const { sharding, endpoints } of liveShardings().map(openConnectionsOf)) {
      const open = Object.entries(endpoints).map(([id, count]) => `${count} to ${id}`)
      if (open.length === 0 || this.#told.has(sharding)) continue
      this.#told.add(sharding)
      process.emitWarning(
        `Workers are started while ${sharding} of this process has connections: ${open.join(', ')}. No worker uses them, ` +
          'and the servers have them beside those of the workers. Await beforeFork() first, unless this process needs them.',
        { code: 'SHERD_POOLS_BEFORE_FORK' },
      )
    }
  }
}
