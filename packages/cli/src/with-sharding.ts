import { createSharding, type Sharding } from '@sherd/core'
import { loadSharding } from './load-sharding.ts'

/** Where the shards are described; by default as for an application: `SHERD_CONFIG`, else `./config`. */
export interface Source {
  /** A folder. */
  readonly config?: string
  /** A module of the application. */
  readonly sharding?: string
  readonly env: NodeJS.ProcessEnv
}

/** Time for connections that a server does not let go of. */
const CLOSE_MS = 1000

/** Runs `fn` and closes every connection, whatever comes of it. Rejects with ConfigInvalidError and InputError, too. */
export async function withSharding<T>(source: Source, fn: (sharding: Sharding) => Promise<T>): Promise<T> {
  const sharding = await open(source)
  try {
    return await fn(sharding)
  } finally {
    await sharding.close({ deadlineMs: CLOSE_MS })
  }
}

async function open({ config, sharding, env }: Source): Promise<Sharding> {
  if (sharding !== undefined) return await loadSharding(sharding, env)
  return createSharding({ ...(config === undefined ? {} : { config }), env })
}
