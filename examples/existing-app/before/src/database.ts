import { fileURLToPath } from 'node:url'
import Knex from 'knex'

export const knex = Knex({
  client: 'pg',
  connection: process.env['DATABASE_URL'] as string,
  pool: { min: 0, max: 10 },
})

const directory = fileURLToPath(new URL('../migrations', import.meta.url))

export async function migrate(): Promise<void> {
  await knex.migrate.latest({ directory })
}

export async function close(): Promise<void> {
  await knex.destroy()
}
