import knex, { type Knex } from 'knex'
import type { VariantOptions } from '../variant.ts'

/** As people set it up; with hygiene each connection is cleaned before it goes back, and no query waits for that. */
export function createKnex({ url, poolMax, hygiene, applicationName }: VariantOptions): Knex {
  const settings: Knex.Config = {
    client: 'pg',
    connection: { connectionString: url, application_name: applicationName },
    pool: { min: 0, max: poolMax },
    acquireConnectionTimeout: 2000,
    // It warns of each that could not be had, with a stack.
    log: { warn() {}, error() {} },
  }
  return knex(hygiene === 'off' ? settings : { ...settings, client: cleaning(knex({ client: 'pg' })) })
}

type Connection = { query(sql: string): Promise<unknown>; __knex__disposed?: unknown }

function cleaning(instance: Knex): typeof Knex.Client {
  return class extends (instance.client.constructor as typeof Knex.Client) {
    override releaseConnection(connection: Connection): Promise<void> {
      const release = () => super.releaseConnection(connection)
      connection.query('DISCARD ALL').then(release, (error) => {
        connection.__knex__disposed = error
        return release()
      })
      return Promise.resolve()
    }
  }
}
