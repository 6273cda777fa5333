import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ConfigInvalidError, type ConfigObject, createSharding, type Sharding } from '@sherd/core'
import { InputError } from './input-error.ts'
import { messageOf } from './message-of.ts'

/** Exports that are looked at, the first first. */
const NAMES = ['default', 'sharding', 'config'] as const

/**
 * The Sharding that an application's module exports, or one of the configuration that it exports.
 *
 * @throws ConfigInvalidError; InputError when there is neither, or the module cannot be loaded
 */
export async function loadSharding(file: string, env: NodeJS.ProcessEnv): Promise<Sharding> {
  const exported = await load(file)
  const found = exported.find(isSharding)
  if (found !== undefined) return found
  const config = exported.find(isConfig)
  if (config !== undefined) return createSharding({ config, env })
  throw new InputError(
    `${file} exports neither a Sharding nor a configuration: export one as default, as "sharding" or as "config"`,
  )
}

async function load(file: string): Promise<unknown[]> {
  const path = resolve(file)
  if (!existsSync(path)) throw new InputError(`there is no file ${file}`)
  try {
    const module = (await import(pathToFileURL(path).href)) as Record<string, unknown>
    // What a compiler has made of `export default` for CommonJS comes as the default's default.
    const compiled = (module['default'] ?? {}) as Record<string, unknown>
    return await Promise.all([module, compiled].flatMap((from) => NAMES.map((name) => from[name])))
  } catch (error) {
    if (error instanceof ConfigInvalidError) throw error
    throw new InputError(`${file} cannot be loaded: ${messageOf(error)}`, { cause: error })
  }
}

function isSharding(value: unknown): value is Sharding {
  return isObject(value) && typeof value['connectedTo'] === 'function' && Array.isArray(value['shardNames'])
}

function isConfig(value: unknown): value is ConfigObject {
  return isObject(value) && isObject(value['shards'])
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
