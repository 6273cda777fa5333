import type { Knex } from 'knex'

type Change = (knex: Knex) => Promise<unknown>

export interface TestMigration {
  readonly up: Change
  readonly down?: Change
  readonly config?: { readonly transaction?: boolean }
}

/** Migrations by name, in their order, from memory. */
export function migrationSource(migrations: Readonly<Record<string, TestMigration>>) {
  return {
    getMigrations: async () => Object.keys(migrations),
    getMigrationName: (name: string) => name,
    getMigration: async (name: string): Promise<Knex.Migration> => {
      return { down: async () => {}, ...migrations[name] } as Knex.Migration
    },
  }
}

/** One that makes a table. */
export function makes(table: string): TestMigration {
  return {
    up: (knex) => knex.schema.createTable(table, (columns) => void columns.integer('id')),
    down: (knex) => knex.schema.dropTable(table),
  }
}
