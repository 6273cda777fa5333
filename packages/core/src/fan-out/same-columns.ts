import { RowsMismatchError } from '../errors.ts'

/** What is known of the rows of one shard. */
export interface ShardColumns {
  readonly shard: string
  readonly columns: readonly string[]
}

/** The columns of a list of rows, by its first, or of a result of `pg`; undefined for anything else. */
export function columnsOf(value: unknown): readonly string[] | undefined {
  if (Array.isArray(value)) {
    const [first] = value as unknown[]
    return isRow(first) ? Object.keys(first) : undefined
  }
  const { rows, fields } = (value ?? {}) as { rows?: unknown; fields?: unknown }
  // A statement that returns no rows has none.
  if (!Array.isArray(rows) || !Array.isArray(fields) || fields.length === 0) return undefined
  return fields.map(({ name }) => String(name))
}

/**
 * Refuses rows of a shard that differ in their columns from those of another: a sum or a merge of both would be wrong.
 *
 * @throws RowsMismatchError
 */
export function assertSameColumns(one: ShardColumns, other: ShardColumns): void {
  const missing = one.columns.filter((name) => !other.columns.includes(name))
  const added = other.columns.filter((name) => !one.columns.includes(name))
  if (missing.length === 0 && added.length === 0) return
  const parts = [
    ...(missing.length > 0 ? [`without ${list(missing)}`] : []),
    ...(added.length > 0 ? [`with ${list(added)}`] : []),
  ]
  throw new RowsMismatchError(
    `Rows of shard "${other.shard}" have other columns than those of "${one.shard}": they are ${parts.join(' and ')}. ` +
      'Name the columns in the query, and see whether a migration is missing.',
    { shard: other.shard },
  )
}

function isRow(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  // Those of mysql2 are of a class of their own.
  return !(value instanceof Date) && !ArrayBuffer.isView(value)
}

function list(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ')
}
