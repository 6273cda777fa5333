import type { z } from 'zod'
import { type Complaint, type ConfigSource, showValue } from './config-source.ts'
import { interpolate, placeholderPaths } from './interpolate.ts'
import type { Overridden } from './override-blocks.ts'
import type { Path } from './path.ts'
import { valueAt, withoutPath } from './plain-tree.ts'
import { validate } from './validate.ts'

/** A source after its variables were filled in and its options checked one by one. */
export interface Reading<T> {
  readonly source: ConfigSource
  /** The options that are right. */
  readonly value: T
  /** Where the user wrote what stands at a path of `value`. */
  locate(path: Path): Path
  /** Notes what is wrong at a path of `value`, shown as it was written. */
  report(path: Path, complaint: Complaint): void
  /** Whether a top-level option was there but wrong: then nobody needs to hear that it is missing. */
  isFaulty(option: string): boolean
}

/** Reads a source that has been overridden; undefined where not even its outline is right. */
export function readOverridden<S extends z.ZodType>(
  { tree, locate, dormant }: Overridden,
  source: ConfigSource,
  { schema, env }: { schema: S; env: NodeJS.ProcessEnv },
): Reading<z.output<S>> | undefined {
  const { tree: filled, convertible, broken } = interpolate(tree, { env, folder: source.folder })
  const { value, findings } = validate(
    schema,
    broken.reduce((rest, { path }) => withoutPath(rest, path), filled),
    convertible,
  )
  for (const { path, complaint } of broken) source.report(locate(path), complaint)

  // As it is written: what came from outside the file may be a secret that ended up under the wrong name.
  function show(path: Path): string | undefined {
    return valueAt(filled, path) === undefined ? undefined : showValue(valueAt(tree, path), path)
  }
  for (const { path, complaint, hasValue } of findings) {
    source.report(locate(path), { ...complaint, shown: hasValue ? show(path) : undefined })
  }
  for (const { key, block } of dormant) reportDormant(block, [key], { schema, source })
  if (value === undefined) return undefined
  const faulty = new Set([...broken, ...findings].map(({ path }) => path[0]))
  return {
    source,
    value,
    locate,
    report: (path, complaint) => source.report(locate(path), { shown: show(path), ...complaint }),
    isFaulty: (option) => faulty.has(option),
  }
}

/**
 * Checks a block of another environment as far as that can be done here: whoever deploys should not be the first
 * to hear of a mistyped key. Its variables are that environment's, so what depends on them is left out.
 */
export function reportDormant(
  block: unknown,
  at: Path,
  { schema, source }: { schema: z.ZodType; source: ConfigSource },
): void {
  const known = placeholderPaths(block).reduce((rest, path) => withoutPath(rest, path), block)
  for (const { path, complaint, hasValue } of validate(schema, known, new Set()).findings) {
    const value = valueAt(block, path)
    const shown = hasValue && value !== undefined ? showValue(value, path) : undefined
    source.report([...at, ...path], { ...complaint, shown })
  }
}

/** What is known of a source that could not be read: nothing, and it has been said already. */
export function unreadable(source: ConfigSource): Reading<Record<string, never>> {
  return { source, value: {}, locate: (path) => path, report: () => {}, isFaulty: () => true }
}
