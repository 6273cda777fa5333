import { ConfigInvalidError } from '../errors.ts'
import { FrozenMap } from '../util/frozen-map.ts'
import { checkDefaultClient, DriverCheck } from './check-driver.ts'
import { checkCoverage, checkPlacement } from './check-placement.ts'
import type { ConfigObject } from './config-object.ts'
import { readDirectory } from './read-directory.ts'
import { readObject } from './read-object.ts'
import { resolveLimits, resolveServers } from './resolve-limits.ts'
import { resolveRouter, resolveTenantSources } from './resolve-router.ts'
import { resolveShard } from './resolve-shard.ts'
import type { ResolvedConfig } from './resolved-config.ts'
import { sharedDatabase } from './shared-database.ts'

/** Where a configuration is looked for when nobody says where. */
const DEFAULT_DIRECTORY = './config'

/**
 * Reads and checks a whole configuration.
 *
 * @param source a directory, or the configuration itself; by default the directory named by `SHERD_CONFIG`, else
 *   `./config`.
 * @param env where `${NAME}`, `NODE_ENV` and `SHERD_CONFIG` are looked up.
 * @returns a frozen configuration with all defaults filled in, which prints without its secrets.
 * @throws ConfigInvalidError with everything that is wrong with it.
 */
export function loadConfig(
  source: string | ConfigObject | undefined,
  env: NodeJS.ProcessEnv,
): ResolvedConfig {
  const directory = directoryOf(source, env)
  const { sources, main, shards } =
    typeof directory === 'string' ? readDirectory(directory, env) : readObject(directory, env)
  const isComplete = sources.every(({ isSound }) => isSound)

  const router = resolveRouter(main)
  const drivers = new DriverCheck()
  checkDefaultClient(main, drivers)
  const resolved = shards.map((shard) => [shard.name, resolveShard(shard, { main, drivers })] as const)
  const sharedReading = sharedDatabase(main)
  const shared = sharedReading && resolveShard(sharedReading, { main, drivers })
  checkPlacement({ router, main, shards })
  if (isComplete) checkCoverage({ router, main, shards })
  const limits = resolveLimits(main)
  const databases = [...resolved.map(([, shard]) => shard), ...(shared === undefined ? [] : [shared])]
  const servers = resolveServers(main, { shards: databases, isComplete })

  const problems = sources.flatMap((found) => found.problems)
  if (problems.length > 0) throw new ConfigInvalidError(problems)
  return Object.freeze({
    router,
    tenant: resolveTenantSources(main),
    limits,
    servers,
    workers: main.value.workers ?? null,
    shards: new FrozenMap(resolved),
    shared,
  })
}

/** The directory that a configuration is read from, or the configuration itself where it is given. */
export function directoryOf(
  source: string | ConfigObject | undefined,
  env: NodeJS.ProcessEnv,
): string | ConfigObject {
  return source ?? (env['SHERD_CONFIG'] || DEFAULT_DIRECTORY)
}
