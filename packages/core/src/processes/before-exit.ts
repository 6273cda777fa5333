import { closeShardings } from './close-shardings.ts'

/**
 * For a worker, when it has stopped to listen: lends nothing any more, lets requests and jobs end, closes all connections of
 * all Shardings, and gives their shares of the budgets to the other workers. `shutdownOnSignals` of the framework packages
 * does the same for one Sharding.
 *
 * @param options.deadlineMs as that of `close()`. @default 10000
 */
export async function beforeExit(options?: { readonly deadlineMs?: number }): Promise<void> {
  await closeShardings(options)
}
