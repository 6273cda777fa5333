import pg from 'pg'
import { ITEMS_PER_TENANT, tenantsOf } from './plan/placement.ts'

/**
 * Of every shard. A written row keeps the session's setting beside the tenant that its request named, and nothing
 * forbids it to be there twice: that is what is to be seen.
 */
const TABLES = `
  CREATE TABLE items (tenant text NOT NULL, n int NOT NULL);
  CREATE TABLE writes (
    id int NOT NULL,
    step int NOT NULL,
    tenant text NOT NULL,
    session_tenant text DEFAULT current_setting('app.tenant', true)
  );
`

export async function createSchema(url: string, shard: number): Promise<void> {
  await withClient(url, async (client) => {
    await client.query(TABLES)
    await client.query(
      'INSERT INTO items SELECT tenant, n FROM unnest($1::text[]) AS tenant, generate_series(1, $2::int) AS n',
      [tenantsOf(shard), ITEMS_PER_TENANT],
    )
    await client.query('CREATE INDEX ON items (tenant); CREATE INDEX ON writes (id); ANALYZE')
  })
}

export async function withClient<T>(url: string, fn: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  // A server that is restarted may end it at any time; the query that runs is told.
  client.on('error', () => {})
  await client.connect()
  try {
    return await fn(client)
  } finally {
    await client.end()
  }
}
