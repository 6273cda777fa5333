import { z } from 'zod'
import { group, list, text } from './option.ts'

function flag(description: string) {
  return z.boolean({ error: 'must be true or false' }).meta({ description, default: false, examples: [true] })
}

/** Where a shard's migrations are, and how `sharding.migrate` runs them. */
export const migrationsSchema = group(
  {
    directory: z
      .union(
        [text({ description: 'A folder.', example: '../migrations' }), z.array(z.string().min(1)).min(1)],
        {
          error: 'must be a folder, or a list of folders',
        },
      )
      .meta({
        description: 'The folder of the migrations, or several, seen from the folder of this file.',
        examples: ['../migrations'],
      }),
    loadExtensions: list(text({ description: 'An ending.', example: '.js' }), {
      description: 'Endings of files that are migrations.',
      default: ['.js', '.cjs', '.mjs', '.ts', '.cts', '.mts'],
      example: ['.mjs'],
    }),
    sortDirsSeparately: flag(
      'Whether several folders are run one after the other, in place of all in the order of their names.',
    ),
    tableName: text({
      description: 'Table in which knex keeps what has run.',
      example: 'knex_migrations',
    }).meta({ default: 'knex_migrations' }),
    schemaName: text({
      description: "Schema of that table; by default the connection's own.",
      example: 'app',
    }),
    disableTransactions: flag('Whether migrations run outside of transactions, unless one asks for its own.'),
    disableMigrationsListValidation: flag(
      'Whether to go on although migrations have run whose files are not there.',
    ),
  },
  {
    description: 'Where migrations are, and how `sharding.migrate` runs them.',
    example: { directory: '../migrations' },
  },
)
