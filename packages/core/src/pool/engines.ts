import { familyOf } from '../config/clients.ts'
import type { Endpoint } from '../topology/topology.ts'
import type { Clock } from '../util/clock.ts'
import type { Engine } from './engine.ts'
import type { KnexClient } from './knex-internals.ts'
import { createMysqlEngine } from './mysql/mysql-engine.ts'
import { createPostgresEngine } from './postgres/postgres-engine.ts'
import { createSqliteEngine } from './sqlite/sqlite-engine.ts'
import { createUnknownEngine } from './unknown-engine.ts'

/** The engine of an endpoint's client. */
export function createEngine(endpoint: Endpoint, client: KnexClient, clock: Clock): Engine {
  switch (familyOf(endpoint.client)) {
    case 'postgres':
      return createPostgresEngine(endpoint, client, clock)
    case 'mysql':
      return createMysqlEngine(endpoint, client)
    case 'sqlite':
      return createSqliteEngine(endpoint, client)
    default:
      return createUnknownEngine(endpoint, client)
  }
}
