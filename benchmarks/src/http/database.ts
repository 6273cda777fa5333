import { startPostgres } from '@sherd/local-servers'
import pg from 'pg'
import { SCHEMA } from './dataset.ts'

/** A server for all contestants, with the tenants' rows, and a look at it that none of them has. */
export interface Database extends AsyncDisposable {
  readonly url: string
  /** Sessions that are open now under this name. */
  sessions(applicationName: string): Promise<number>
}

/** Sessions of all hosts that are alive at once. */
const MAX_CONNECTIONS = 400

export async function startDatabase(): Promise<Database> {
  const server = await startPostgres({ maxConnections: MAX_CONNECTIONS })
  const url = await server.createDatabase('benchmark')
  const client = new pg.Client({ connectionString: url, application_name: 'the benchmark itself' })
  await client.connect()
  await client.query(SCHEMA)
  return {
    url,
    async sessions(applicationName) {
      const { rows } = await client.query(
        'SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = $1',
        [applicationName],
      )
      return rows[0].count
    },
    async [Symbol.asyncDispose]() {
      await client.end()
      await server.stop({ mode: 'immediate' })
    },
  }
}
