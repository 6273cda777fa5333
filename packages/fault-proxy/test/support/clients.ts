import { createDatabase } from '@sherd/local-servers/test-database'
import pg from 'pg'
import { onTestFinished } from 'vitest'
import { type FaultProxy, startProxy } from '../../src/index.ts'

export const url = await createDatabase()

/** For the current test. */
export async function proxied(): Promise<FaultProxy> {
  const proxy = await startProxy({ to: url })
  onTestFinished(() => proxy.close())
  return proxy
}

/** Connected for the current test; by way of the proxy, or else straight. */
export async function connected(proxy?: FaultProxy, config: pg.ClientConfig = {}): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: proxy?.url ?? url, ...config })
  client.on('error', () => {}) // Tests cut their connections.
  onTestFinished(() => void client.end().catch(() => {}))
  await client.connect()
  return client
}

/** The server's sessions in this file's database, but the one that looks. */
export async function sessions(client: pg.Client): Promise<readonly { pid: number; wait_event: string }[]> {
  const { rows } = await client.query(
    `select pid, wait_event from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`,
  )
  return rows
}

/** What an error's code is, or what the promise came to. */
export const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    (value) => value,
    (error) => error.code ?? error.message,
  )
