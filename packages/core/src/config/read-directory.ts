import { resolve } from 'node:path'
import { type Found, findMainFile, findShardFiles } from './find-files.ts'
import { applyOverrides } from './override-blocks.ts'
import { copyTree } from './plain-tree.ts'
import { type Part, type Readings, readParts } from './readings.ts'

/** Reads a configuration from a directory. */
export function readDirectory(directory: string, env: NodeJS.ProcessEnv): Readings {
  const main = override(findMainFile(resolve(directory)), env)
  return readParts(main, findShardParts(resolve(directory, 'shards'), env), env)
}

/** The shard files of a folder. */
export function findShardParts(folder: string, env: NodeJS.ProcessEnv): Part[] {
  return findShardFiles(folder).map((found) => override(found, env))
}

function override({ source, content }: Found, env: NodeJS.ProcessEnv): Part {
  if (content === undefined) return { source, content }
  const copy = copyTree(content, source)
  source.orderBy(content)
  return { source, content: applyOverrides(copy, env['NODE_ENV'], source) }
}
