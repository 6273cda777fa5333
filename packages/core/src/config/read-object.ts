import { resolve } from 'node:path'
import { isPlainObject } from '../util/deep-freeze.ts'
import { ConfigSource, showValue } from './config-source.ts'
import { applyOverrides, type Overridden } from './override-blocks.ts'
import type { Path } from './path.ts'
import { copyTree } from './plain-tree.ts'
import { findShardParts } from './read-directory.ts'
import { reportDormant } from './reading.ts'
import { type Part, type Readings, readParts } from './readings.ts'
import { shardSchema } from './schema/shard-schema.ts'
import { complainAboutName } from './shard-name.ts'

/** Reads a configuration from an object, whose `shards` may also name the folder of the shard files. */
export function readObject(config: unknown, env: NodeJS.ProcessEnv): Readings {
  const source = new ConfigSource({ file: 'config', folder: process.cwd() })
  const copy = copyTree(config, source)
  source.orderBy(config)
  const whole = applyOverrides(copy, env['NODE_ENV'], source)
  const main = {
    source,
    content: { ...whole, tree: withoutShards(whole.tree), dormant: whole.dormant.map(restOf) },
  }
  for (const { key, block } of whole.dormant) reportDormantShards(block, key, source)
  return readParts(main, shardPartsOf(whole, config, { source, env }), env)
}

function shardPartsOf(
  whole: Overridden,
  config: unknown,
  { source, env }: { source: ConfigSource; env: NodeJS.ProcessEnv },
): Part[] {
  const shards = isPlainObject(whole.tree) ? whole.tree['shards'] : undefined
  if (typeof shards === 'string' && shards !== '') return findShardParts(resolve(shards), env)
  if (!isPlainObject(shards) || Object.keys(shards).length === 0) {
    source.report(whole.locate(['shards']), {
      message: 'must be an object with an entry for each shard, or the folder of the shard files',
      mend: "Write for example `shards: { shard_0: { connection: 'postgres://…' } }`.",
      shown: shards === undefined ? undefined : showValue(shards),
    })
    return []
  }
  return Object.entries(shards).map(([shard, content]) => {
    const place = (path: Path) => whole.locate(['shards', shard, ...path])
    const part = new ConfigSource({ file: source.file, folder: source.folder, shard, place })
    part.orderBy(config)
    const badName = complainAboutName(shard)
    if (badName !== undefined) part.report([], badName)
    return { source: part, content: applyOverrides(content, env['NODE_ENV'], part) }
  })
}

function withoutShards(tree: unknown): unknown {
  if (!isPlainObject(tree)) return tree
  const { shards: _shards, ...rest } = tree
  return rest
}

function restOf({ key, block }: { key: string; block: unknown }): { key: string; block: unknown } {
  return { key, block: withoutShards(block) }
}

function reportDormantShards(block: unknown, key: string, source: ConfigSource): void {
  const shards = isPlainObject(block) ? block['shards'] : undefined
  if (!isPlainObject(shards)) return
  for (const [name, shard] of Object.entries(shards)) {
    reportDormant(shard, [key, 'shards', name], { schema: shardSchema, source })
  }
}
