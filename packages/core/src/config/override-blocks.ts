import { isPlainObject } from '../util/deep-freeze.ts'
import type { ConfigSource } from './config-source.ts'
import { mergeTrees } from './merge-trees.ts'
import type { Path } from './path.ts'
import { valueAt } from './plain-tree.ts'

/** Environments whose block needs no `$env.` in front. */
const SHORT_NAMES = ['production', 'development', 'test']
const SHORT_BLOCK = /^\$(production|development|test)$/
const LONG_BLOCK = /^\$env\.(.+)$/s
const ANY_BLOCK = /^\$(production|development|test|env|env\..*)$/s

/** The content of a source once the block of the current environment, if there is one, lies over the rest. */
export interface Overridden {
  readonly tree: unknown
  /** Where the user wrote what stands at a path of `tree`: in the block or outside it. */
  locate(path: Path): Path
  /** Blocks of other environments, to be checked although they are not used. */
  readonly dormant: readonly { readonly key: string; readonly block: unknown }[]
}

/**
 * Lays the block for `environment` (`$production`, `$env.staging`, …) over the rest of the content: objects merge
 * deeply, lists and `connection` are replaced whole. Blocks that no environment reaches are noted at `source`.
 */
export function applyOverrides(
  content: unknown,
  environment: string | undefined,
  source: ConfigSource,
): Overridden {
  if (!isPlainObject(content)) return { tree: content, locate: (path) => path, dormant: [] }
  const rest: Record<string, unknown> = {}
  const blocks = new Map<string, { key: string; block: unknown }>()
  for (const [key, value] of Object.entries(content)) {
    if (!ANY_BLOCK.test(key)) {
      rest[key] = value
      // The shards of a configuration object are sources of their own, with blocks of their own.
      if (key !== 'shards') reportNestedBlocks(value, [key], source)
      continue
    }
    const name = environmentOf(key)
    const earlier = name === undefined ? undefined : blocks.get(name)
    if (name === undefined) reportNameless(key, source)
    else if (earlier !== undefined) reportSecondBlock(key, earlier.key, source)
    else blocks.set(name, { key, block: value })
    reportNestedBlocks(value, [key], source)
  }
  const active = environment === undefined ? undefined : blocks.get(environment)
  const dormant = [...blocks.values()].filter((block) => block !== active)
  if (active === undefined) return { tree: rest, locate: (path) => path, dormant }
  if (!isPlainObject(active.block))
    return { tree: rest, locate: (path) => path, dormant: [...dormant, active] }
  return {
    tree: mergeTrees(rest, active.block),
    locate: (path) => (valueAt(active.block, path) === undefined ? path : [active.key, ...path]),
    dormant,
  }
}

/** Whether a key names a block for an environment, well or badly. */
export function isBlockKey(key: string): boolean {
  return ANY_BLOCK.test(key)
}

function environmentOf(key: string): string | undefined {
  return (SHORT_BLOCK.exec(key) ?? LONG_BLOCK.exec(key))?.[1]
}

function reportNameless(key: string, source: ConfigSource): void {
  source.report([key], {
    message: 'names no environment, so nobody can reach it',
    mend:
      'Put the name into the key: `$env.staging:`, or one of ' +
      `${SHORT_NAMES.map((name) => `\`$${name}:\``).join(', ')}.`,
  })
}

function reportSecondBlock(key: string, earlier: string, source: ConfigSource): void {
  source.report([key], {
    message: `is for the same environment as \`${earlier}\`, so nobody can reach it`,
    mend: 'Put both into one block.',
  })
}

function reportNestedBlocks(value: unknown, path: Path, source: ConfigSource): void {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) reportNestedBlocks(item, [...path, index], source)
  }
  if (!isPlainObject(value)) return
  for (const [key, item] of Object.entries(value)) {
    const at = [...path, key]
    if (isBlockKey(key)) {
      source.report(at, {
        message: 'does not stand at the top of its file, so nobody can reach it',
        mend: 'Move the block to the top level and repeat the keys above it inside.',
      })
    } else reportNestedBlocks(item, at, source)
  }
}
