import type { ConfigObject } from './config-object.ts'

/** Returns its argument: for completion and type checks where a configuration is written in a file of its own. */
export function defineConfig(config: ConfigObject): ConfigObject {
  return config
}
