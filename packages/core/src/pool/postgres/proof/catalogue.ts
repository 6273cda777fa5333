import type { CatalogueRow, TableRow } from './catalogue-query.ts'
import type { Access, StatementShape } from './statement-shape.ts'

/** What a database's catalogue says of statements: which of them run no code but PostgreSQL's own. */
export class Catalogue {
  /** When the server was asked: what has changed since is not in it. */
  readonly readAt: number
  /** Of {@link SchemaChanges}. */
  readonly version: number
  readonly #isOrdinary: boolean
  readonly #tables: Readonly<Record<Access, ReadonlySet<string>>>
  readonly #functions: ReadonlySet<string>
  readonly #known = new WeakMap<StatementShape, boolean>()

  constructor(row: CatalogueRow, { readAt, version }: { readonly readAt: number; readonly version: number }) {
    this.readAt = readAt
    this.version = version
    this.#isOrdinary = row.isOrdinary
    this.#tables = harmlessTables(row)
    this.#functions = new Set(row.functions)
  }

  /** Whether a statement of this shape leaves the session as it is. */
  permits(shape: StatementShape): boolean {
    let isPermitted = this.#known.get(shape)
    if (isPermitted === undefined) {
      isPermitted = this.#judge(shape)
      this.#known.set(shape, isPermitted)
    }
    return isPermitted
  }

  #judge({ relations, names }: StatementShape): boolean {
    if (!this.#isOrdinary) return false
    for (const { name, access } of relations) if (!this.#tables[access].has(name)) return false
    for (const name of names) if (this.#functions.has(name)) return false
    return true
  }
}

/**
 * Takes those tables out that lead to others which are not harmless: to the partitions that hold their rows, and along
 * foreign keys, which PostgreSQL looks up when a row is written and follows when one is deleted.
 */
function harmlessTables({ tables, parts, references }: CatalogueRow): Record<Access, Set<string>> {
  const oids = (holds: (table: TableRow) => boolean) => new Set(tables.filter(holds).map(({ oid }) => oid))
  const read = oids((table) => table.isReadable)
  const write = oids((table) => table.isReadable && table.isQuiet)
  const insert = oids((table) => table.isReadable && table.isQuiet && table.hasPureDefaults)
  /** Which set a table needs to be in for another to stay in its own. */
  const needs: { of: number; in: Set<number>; oid: number; from: Set<number> }[] = []
  for (const { of, oid } of parts) {
    for (const set of [read, write, insert]) needs.push({ of, in: set, oid, from: set })
  }
  for (const { from, to, actions } of references) {
    // Only looked up.
    needs.push({ of: from, in: write, oid: to, from: read })
    // Looked up (no action, restrict), written (cascade, set null), or set to their defaults.
    const followed = /^[ar]+$/.test(actions) ? read : /^[arcn]+$/.test(actions) ? write : insert
    needs.push({ of: to, in: write, oid: from, from: followed })
  }
  for (let isStable = false; !isStable; ) {
    isStable = true
    for (const need of needs) {
      if (need.from.has(need.oid) || !need.in.delete(need.of)) continue
      isStable = false
    }
    for (const oid of insert) if (!write.has(oid)) insert.delete(oid)
  }
  const named = (set: Set<number>) =>
    new Set(
      tables
        .filter(({ oid }) => set.has(oid))
        .flatMap(({ name, alias }) => (alias === null ? name : [name, alias])),
    )
  return { read: named(read), write: named(write), insert: named(insert) }
}
