import type { Knex } from 'knex'
import { withoutProcessing } from './knex-migrator.ts'
import type { MigrationSettings } from './migrate-options.ts'

export const TABLE_NAME = 'knex_migrations'

/** What knex's table says. */
export interface CompletedMigration {
  readonly name: string
  readonly batch: number
}

/** The migrations that have run on a shard, in that order. Makes no table where there is none. */
export async function readCompleted(
  knex: Knex,
  { tableName = TABLE_NAME, schemaName }: MigrationSettings,
): Promise<readonly CompletedMigration[]> {
  const db = withoutProcessing(knex)
  const schema = schemaName === undefined ? db.schema : db.schema.withSchema(schemaName)
  if (!(await schema.hasTable(tableName))) return []
  const table = schemaName === undefined ? db(tableName) : db(tableName).withSchema(schemaName)
  return await table.orderBy('id').select('name', 'batch')
}

/** The number of the last batch; null when nothing has run. */
export function lastBatch(completed: readonly CompletedMigration[]): number | null {
  return completed.length === 0 ? null : Math.max(...completed.map(({ batch }) => batch))
}

/** The names of those that are in the last batch. */
export function namesOfLastBatch(completed: readonly CompletedMigration[]): readonly string[] {
  const last = lastBatch(completed)
  return completed.flatMap(({ name, batch }) => (batch === last ? [name] : []))
}
