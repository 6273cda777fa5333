import { liveShardings } from '../live-sharding.ts'
import { closeShardings } from './close-shardings.ts'
import { type OpenConnections, openConnectionsOf } from './open-connections.ts'

/**
 * For the primary, before it starts workers: closes all its Shardings, as each of them does by `close()`, and returns what
 * they had open. Workers make their own: nothing that is open in one process can be used in another.
 *
 * @param options.deadlineMs as that of `close()`. @default 10000
 */
export async function beforeFork(options?: {
  readonly deadlineMs?: number
}): Promise<readonly OpenConnections[]> {
  const open = liveShardings().map(openConnectionsOf)
  await closeShardings(options)
  return open.filter(({ endpoints }) => Object.keys(endpoints).length > 0)
}
