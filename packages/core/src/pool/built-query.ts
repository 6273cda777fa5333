import type { KnexQuery } from './knex-internals.ts'

const METHODS: ReadonlySet<unknown> = new Set(['select', 'first', 'pluck', 'insert', 'update', 'del'])

/** Whether knex's builder has made a query for rows, whatever fragments are in it; not `raw`, and not a schema's. */
export function isBuilt(query: KnexQuery | string): boolean {
  return typeof query === 'object' && METHODS.has(query['method'])
}
