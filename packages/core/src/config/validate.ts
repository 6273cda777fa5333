import type { z } from 'zod'
import { describeIssues, type Finding } from './describe-issues.ts'
import { formatPath } from './path.ts'
import { replacedAt, valueAt, withoutPath } from './plain-tree.ts'

/** What became of a tree under a schema. */
export interface Validated<T> {
  /** All that is right; what is wrong is left out, so that the rest can be looked at further. */
  readonly value: T | undefined
  readonly findings: readonly Finding[]
}

/**
 * Checks a tree against a schema. A text that was one `${…}` becomes the number, boolean or null that the schema
 * wants in its place; a text that the user wrote as a text does not.
 */
export function validate<S extends z.ZodType>(
  schema: S,
  tree: unknown,
  convertible: ReadonlySet<string>,
): Validated<z.output<S>> {
  const first = schema.safeParse(tree)
  if (first.success) return { value: first.data, findings: [] }
  const converted = convertTexts(tree, describeIssues(first.error.issues, schema, tree), convertible)
  const second = schema.safeParse(converted)
  if (second.success) return { value: second.data, findings: [] }
  const findings = describeIssues(second.error.issues, schema, converted)
  const rest = findings.reduce((left, { path }) => withoutPath(left, path), converted)
  return { value: schema.safeParse(rest).data, findings }
}

function convertTexts(
  tree: unknown,
  findings: readonly Finding[],
  convertible: ReadonlySet<string>,
): unknown {
  return findings.reduce((converted, { path }) => {
    if (!convertible.has(formatPath(path))) return converted
    const text = valueAt(converted, path)
    return typeof text === 'string' ? replacedAt(converted, path, fromText(text)) : converted
  }, tree)
}

function fromText(text: string): unknown {
  if (text === 'true') return true
  if (text === 'false') return false
  if (text === 'null') return null
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
}
