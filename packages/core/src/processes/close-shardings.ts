import { forgetDefaultSharding } from '../default-sharding.ts'
import { liveShardings } from '../live-sharding.ts'
import type { Sharding } from '../sharding.ts'

/** Closes all Shardings of this thread; whoever needs the default one later makes it anew. */
export async function closeShardings(options?: { readonly deadlineMs?: number }): Promise<void> {
  await Promise.all(
    liveShardings().map(async (sharding) => {
      await sharding.close(options)
      forgetDefaultSharding(sharding as Sharding)
    }),
  )
}
