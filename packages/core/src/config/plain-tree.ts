import { isPlainObject } from '../util/deep-freeze.ts'
import type { ConfigSource } from './config-source.ts'
import type { Path } from './path.ts'

/** Far deeper than any option stands; also what ends a cycle in an object. */
const MAX_DEPTH = 32

/**
 * A copy of what a file or an object says, in which every object and every list is ours: nothing the user does
 * later changes it, and nothing we do changes the user's. Functions and instances of classes are kept as they are,
 * keys whose value is `undefined` are left out.
 */
export function copyTree(value: unknown, source: ConfigSource, path: Path = []): unknown {
  if (!Array.isArray(value) && !isPlainObject(value)) return value
  if (path.length > MAX_DEPTH) {
    source.report(path.slice(0, 4), { message: 'is nested too deeply', mend: 'Write it with fewer levels.' })
    return undefined
  }
  if (Array.isArray(value)) return value.map((item, index) => copyTree(item, source, [...path, index]))
  const copy: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(value)) {
    const at = [...path, key]
    // Assigned to an object it would become that object's prototype.
    if (key === '__proto__') source.report(at, { message: 'is not an option', mend: 'Remove it.' })
    else if (item !== undefined) copy[key] = copyTree(item, source, at)
  }
  return copy
}

/** What stands at `path`, or undefined. */
export function valueAt(tree: unknown, path: Path): unknown {
  let at = tree
  for (const segment of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, segment)) return undefined
    at = Reflect.get(at, segment)
  }
  return at
}

/** The tree without what stands at `path`; a list that loses an item goes as a whole. Never the root. */
export function withoutPath(tree: unknown, path: Path): unknown {
  const [head, ...rest] = path
  if (head === undefined || !isPlainObject(tree) || !Object.hasOwn(tree, head)) return tree
  const { [head]: child, ...others } = tree
  const keepsChild = rest.length > 0 && isPlainObject(child)
  return keepsChild ? { ...others, [head]: withoutPath(child, rest) } : others
}

/** The tree with another value at `path`, which must exist. */
export function replacedAt(tree: unknown, path: Path, value: unknown): unknown {
  const [head, ...rest] = path
  if (head === undefined) return value
  if (Array.isArray(tree))
    return tree.map((item, index) => (index === head ? replacedAt(item, rest, value) : item))
  return isPlainObject(tree) ? { ...tree, [head]: replacedAt(tree[head], rest, value) } : tree
}
