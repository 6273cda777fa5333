import { isPlainObject } from '../util/deep-freeze.ts'

/**
 * `over` laid on `base`: objects merge key by key, everything else is replaced. A `connection` is replaced whole,
 * because half of one database's address with half of another's leads somewhere nobody meant.
 */
export function mergeTrees(base: unknown, over: unknown): unknown {
  if (over === undefined) return base
  if (!isPlainObject(base) || !isPlainObject(over)) return over
  const merged: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over)) {
    merged[key] = key === 'connection' ? value : mergeTrees(base[key], value)
  }
  return merged
}
