import type { Knex } from 'knex'
import type { KnexQuery } from './knex-internals.ts'

/** The class behind one of knex's clients, with the methods that its declarations leave out. */
export type DialectClass<Connection> = Omit<typeof Knex.Client, 'new' | 'prototype'> &
  (new (
    // biome-ignore lint/suspicious/noExplicitAny: what a class that is extended in an expression has to take
    ...args: any[]
  ) => Knex.Client & {
    _query(connection: Connection, query: KnexQuery): Promise<KnexQuery>
    _stream(connection: Connection, query: KnexQuery, ...rest: unknown[]): Promise<unknown>
  })
