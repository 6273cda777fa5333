import type { Transform } from 'node:stream'
import knex, { type Knex } from 'knex'
import { familyOf, takesFileName } from '../config/clients.ts'
import { ScopeMismatchError, ScopeMissingError } from '../errors.ts'
import type { Endpoint } from '../topology/topology.ts'
import { isPlainObject } from '../util/deep-freeze.ts'
import { makeDiscreet } from '../util/discreet.ts'
import { Binding, type BindingStore } from './binding.ts'
import { isBuilt } from './built-query.ts'
import {
  BINDING,
  type KnexClient,
  type KnexQuery,
  type KnexTransaction,
  type TransactionContainer,
} from './knex-internals.ts'
import { type StreamRequest, streamInTurns } from './knex-stream.ts'
import { takeTimeout } from './knex-timeout.ts'
import { startTransaction } from './knex-transaction.ts'
import { createMysqlDialect } from './mysql/mysql-dialect.ts'
import type { RawConnection } from './raw-connection.ts'
import { createSqliteDialect } from './sqlite/sqlite-dialect.ts'
import { watched } from './watched.ts'

/**
 * A knex instance for one endpoint that has no pool of its own: every query runs on the lease of the scope in which
 * its builder was made. All of knex's features pass the methods overridden here, so all of them keep working.
 *
 * knex is imported at run time nowhere else.
 */
export function createKnex(endpoint: Endpoint, store: BindingStore): Knex {
  /** The binding of what is made by `client` right now; undefined outside of scopes. */
  function bindingOf(client: MaybeTransaction): Binding | undefined {
    const own = client[BINDING]
    const current = store.current()
    // A scope inside of the transaction has rules of its own.
    return own === undefined || current?.isInside(client) ? current : own
  }

  /** The binding that a query really belongs to: it must not run in another scope's transaction. */
  function resolve(client: MaybeTransaction, bound: Binding): Binding {
    const own = client[BINDING]
    if (own === undefined || bound.isInside(client)) return bound
    if (own.isSameScopeAs(bound)) return own
    throw new ScopeMismatchError(
      `A query made in a scope on shard "${bound.rules.shard}" was given to a transaction of another scope, on shard ` +
        `"${own.rules.shard}". Make the query inside the transaction's scope.`,
      { shard: own.rules.shard },
    )
  }

  class EndpointClient extends dialectOf(endpoint.client) {
    declare [BINDING]?: Binding | undefined

    // knex calls the next three for builders and for every fragment inside of them; only what is executed itself
    // looks at its `_connection`, which `clone()` copies.

    override queryBuilder() {
      return bind(super.queryBuilder(), bindingOf(this))
    }

    override schemaBuilder() {
      return bind(super.schemaBuilder(), bindingOf(this))
    }

    override raw(...args: unknown[]) {
      return bind(super.raw(...args), bindingOf(this))
    }

    /** Only for what knex runs without a builder of this client. */
    override acquireConnection(): Promise<Binding> {
      const binding = bindingOf(this)
      if (binding !== undefined) return Promise.resolve(binding)
      return Promise.reject(new ScopeMissingError('This query was neither made nor run inside a scope.'))
    }

    /** The scope gives its connection back, not the query. */
    override releaseConnection(): Promise<void> {
      return Promise.resolve()
    }

    override query(connection: Binding | RawConnection, query: KnexQuery | string) {
      if (!(connection instanceof Binding)) return super.query(connection, query)
      try {
        const binding = resolve(this, connection)
        const sql = typeof query === 'string' ? query : query.sql
        const refusal = connection.refusal(sql) ?? binding.refusal(sql)
        if (refusal !== undefined) return Promise.reject(refusal)
        binding.rules.keepUp?.(binding.lease)
        const limit = takeTimeout(query, knex.KnexTimeoutError)
        const send = (raw: RawConnection) => {
          // It may have ended while the query waited for its turn.
          if (connection.rules.ended !== undefined) throw connection.rules.ended()
          raw.__knexTxId = binding.__knexTxId
          raw.isSendingBuilt = isBuilt(query)
          try {
            return super.query(raw, query)
          } finally {
            raw.isSendingBuilt = false
          }
        }
        return watched(binding, sql, () => binding.lease.run(binding.laneAt(store.current()), send, limit))
      } catch (error) {
        return Promise.reject(error)
      }
    }

    override stream(
      connection: Binding | RawConnection,
      query: KnexQuery,
      target: Transform,
      options: object | undefined,
    ) {
      if (!(connection instanceof Binding)) return super.stream(connection, query, target, options)
      const request: StreamRequest = {
        binding: () => {
          const refusal = connection.refusal(query.sql)
          if (refusal !== undefined) throw refusal
          return resolve(this, connection)
        },
        store,
        client: this as unknown as KnexClient,
        query,
        target,
        options: options ?? {},
        whole: (raw) => super.stream(raw, query, target, options),
      }
      return watched(connection, query.sql, () => streamInTurns(request))
    }

    override transaction(container: TransactionContainer, config: object, outer: unknown) {
      const binding = bindingOf(this)
      if (this[BINDING] === undefined && binding?.transaction !== undefined) {
        // A copy of knex, such as a migrator's, that was made outside of the transaction and is used inside.
        return binding.transaction.transaction(container as never, config) as never
      }
      binding?.rules.keepUp?.(binding.lease)
      const start = (wrapped: TransactionContainer) =>
        super.transaction(wrapped, config, outer) as unknown as KnexTransaction
      return startTransaction({ start, container, binding, store }) as unknown as Knex.Transaction
    }

    /** Called by knex after a timeout: the lease has cancelled already. */
    override cancelQuery(): Promise<void> {
      return Promise.resolve()
    }
  }

  const instance = knex({
    // SQLite has no DEFAULT that could stand for a missing value; knex warns of that unless it is told.
    ...(familyOf(endpoint.client) === 'sqlite' ? { useNullAsDefault: true } : {}),
    ...endpoint.knex,
    client: EndpointClient,
    connection: connectionFor(endpoint),
    pool: { max: 0 },
  } as Knex.Config)
  // knex hides no more of them than `password`, and everything that it builds leads to them.
  for (const settings of [instance.client.config.connection, instance.client.connectionSettings]) {
    if (isPlainObject(settings)) makeDiscreet(settings)
  }
  return instance
}

/** knex takes a text for a URL where it can be read as one, as a file on Windows can; and knex 3.1 changes settings. */
function connectionFor({ client, connection }: Endpoint): Endpoint['connection'] {
  if (typeof connection === 'string') return takesFileName(client) ? { filename: connection } : connection
  return typeof connection === 'object' ? { ...connection } : connection
}

/** knex without a connection, for what needs none: `fn`, `ref`, names and SQL. */
export function createUnboundKnex(client: string): Knex {
  return knex({ client: dialectOf(client), useNullAsDefault: true })
}

type MaybeTransaction = { readonly [BINDING]?: Binding | undefined }

function bind<B extends object>(builder: B, binding: Binding | undefined): B {
  if (binding !== undefined) (builder as { _connection?: unknown })._connection = binding
  return builder
}

const dialects = new Map<string, typeof Knex.Client>()

/** The class behind one of the client names, taken from an instance: knex exports none of them. */
function dialectOf(client: string): typeof Knex.Client {
  let dialect = dialects.get(client)
  if (dialect === undefined) {
    dialect = extendedDialect(client)
    dialects.set(client, dialect)
  }
  return dialect
}

function extendedDialect(client: string): typeof Knex.Client {
  const name = client === 'libsql' ? 'better-sqlite3' : client
  const base = knex({ client: name, useNullAsDefault: true }).client.constructor
  switch (familyOf(client)) {
    case 'mysql':
      return createMysqlDialect(base)
    case 'sqlite':
      return createSqliteDialect(base, client) as never
    default:
      return base
  }
}
