import { join, resolve } from 'node:path'
import type { ConfigObject } from '../config/config-object.ts'
import { directoryOf } from '../config/load-config.ts'

/** The folders that a configuration is read from; none for one that is given whole. */
export function configFolders(
  source: string | ConfigObject | undefined,
  env: NodeJS.ProcessEnv,
): readonly string[] {
  const place = directoryOf(source, env)
  if (typeof place === 'string') return [resolve(place), join(resolve(place), 'shards')]
  return typeof place.shards === 'string' ? [resolve(place.shards)] : []
}
