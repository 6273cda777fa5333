import { stringify } from 'yaml'
import { z } from 'zod'
import { closest } from '../util/closest.ts'
import type { Complaint } from './config-source.ts'
import { isBlockKey } from './override-blocks.ts'
import { formatPath, type Path } from './path.ts'
import { valueAt } from './plain-tree.ts'
import { OWNED_BY_SHERD } from './schema/knex-schema.ts'
import { annotations, optionNames, schemaAt } from './schema/schema-at.ts'

/** A finding of the validator at the place it concerns. */
export interface Finding {
  readonly path: Path
  readonly complaint: Complaint
  /** Whether there is a value to show: an unknown key's value may be a secret that was meant for another key. */
  readonly hasValue: boolean
}

/** The validator's issues, alternatives resolved, in words and with a mend each. */
export function describeIssues(
  issues: readonly z.core.$ZodIssue[],
  schema: z.ZodType,
  tree: unknown,
): Finding[] {
  const findings = issues.flatMap((issue) => describeIssue(issue, [], { schema, tree }))
  const mistyped = new Set(findings.filter(isUnknownKey).map(({ path }) => formatPath(path.slice(0, -1))))
  // Where a key is mistyped, the right one is missing: that goes without saying.
  return findings.filter((finding) => isUnknownKey(finding) || !mistyped.has(formatPath(finding.path)))
}

function isUnknownKey({ complaint }: Finding): boolean {
  return complaint.message === UNKNOWN_KEY
}

const UNKNOWN_KEY = 'is not an option'

interface Subject {
  readonly schema: z.ZodType
  readonly tree: unknown
}

function describeIssue(issue: z.core.$ZodIssue, base: Path, subject: Subject): Finding[] {
  const path = [...base, ...(issue.path as Path)]
  switch (issue.code) {
    case 'unrecognized_keys':
      // A block in the wrong place has been reported as that.
      return issue.keys.filter((key) => !isBlockKey(key)).map((key) => unknownKey(path, key, subject))
    case 'invalid_union':
      return describeUnion(issue, path, subject)
    case 'invalid_key':
      return [invalidKey(path, issue.issues[0]?.message ?? issue.message, subject)]
    default:
      return [invalidValue(path, issue.message, subject)]
  }
}

/** Of the alternatives, the one whose kind of value the user wrote. */
function describeUnion(issue: z.core.$ZodIssueInvalidUnion, path: Path, subject: Subject): Finding[] {
  const meant = issue.errors.find((issues) =>
    issues.every(({ code, path: at }) => code !== 'invalid_type' || at.length > 0),
  )
  if (meant === undefined) return [invalidValue(path, issue.message, subject)]
  return meant.flatMap((inner) => describeIssue(inner, path, subject))
}

function unknownKey(path: Path, key: string, { schema }: Subject): Finding {
  const known = optionNames(schemaAt(schema, path) ?? schema) ?? []
  return {
    path: [...path, key],
    complaint: { message: UNKNOWN_KEY, mend: mendForKey(key, path, known) },
    hasValue: false,
  }
}

function mendForKey(key: string, path: Path, known: readonly string[]): string {
  const owned = path.at(-1) === 'knex' && Object.hasOwn(OWNED_BY_SHERD, key) ? OWNED_BY_SHERD[key] : undefined
  if (owned !== undefined) return owned
  const meant = closest(key, known)
  if (meant !== undefined) return `Did you mean \`${meant}\`?`
  if (key.includes('${')) return 'Write the key out: variables are filled in in values only.'
  if (/^\$\w+$/.test(key)) return `Did you mean \`$env.${key.slice(1)}\`?`
  return `Remove it. The options here are ${known.map((name) => `\`${name}\``).join(', ')}.`
}

function invalidValue(path: Path, message: string, { schema, tree }: Subject): Finding {
  const target = schemaAt(schema, path)
  const mend = mendForValue(target, path, tree)
  return { path, complaint: { message, mend }, hasValue: true }
}

/** A name of the user's choosing; the example is one of the object that it stands in. */
function invalidKey(path: Path, message: string, subject: Subject): Finding {
  const { complaint } = invalidValue(path.slice(0, -1), message, subject)
  return { path, complaint, hasValue: false }
}

function mendForValue(target: z.core.$ZodType | undefined, path: Path, tree: unknown): string {
  const key = path.findLast((segment) => typeof segment === 'string')
  const { examples, default: fallback } = target === undefined ? {} : annotations(target)
  if (target === undefined || !Array.isArray(examples)) return 'Compare it with the documentation.'
  const asMeant = mendForType(target, valueAt(tree, path), typeof path.at(-1) === 'number')
  if (asMeant !== undefined) return asMeant
  const example = asYaml(examples[0])
  const shown = typeof path.at(-1) === 'number' || key === undefined ? example : `${key}: ${example}`
  const otherwise =
    fallback === undefined || isEmpty(fallback)
      ? ''
      : `, or leave it out for the default, ${asYaml(fallback)}`
  return `Write for example \`${shown}\`${otherwise}.`
}

/** What to do where the value is right but for its type. */
function mendForType(target: z.core.$ZodType, value: unknown, isItem: boolean): string | undefined {
  if (value === 0 && z.safeParse(target, null).success) return 'Write `null` to switch it off.'
  const isScalar = value === null || typeof value === 'number' || typeof value === 'boolean'
  if (!isItem || !isScalar) return undefined
  return z.safeParse(target, String(value)).success ? `Put it in quotes: \`"${value}"\`.` : undefined
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

function asYaml(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim()
}
