import type { Knex } from 'knex'
import type { Binding } from '../pool/binding.ts'
import { createUnboundKnex } from '../pool/knex-client.ts'
import { insideOf } from './inside-of.ts'
import { missingScopeError } from './missing-scope-error.ts'
import type { OpenScope } from './open-scope.ts'
import type { ShardedKnex } from './scope-api.ts'
import { runBound } from './scope-storage.ts'

/** What `db` needs besides the current scope. */
export interface DbHost {
  /** Builds and names things, runs nothing. */
  readonly unboundKnex: Knex
  /** Subscribes on all shards, present and future. */
  on(event: string, listener: (...args: unknown[]) => void): void
  off(event: string, listener: (...args: unknown[]) => void): void
}

/**
 * `db`: knex's own function with whatever is current behind it: the transaction around, else the scope's endpoint.
 * It holds nothing itself, so it can be imported once and used everywhere.
 */
export function createDb(host: DbHost, find: () => Binding<OpenScope> | undefined): ShardedKnex {
  const findShared = () => {
    const binding = find()
    return binding?.rules.api.sharedPlace(binding)
  }
  return createHandle(host, find, createHandle(host, findShared, undefined)) as ShardedKnex
}

function createHandle(
  host: DbHost,
  find: () => Binding<OpenScope> | undefined,
  shared: Knex | undefined,
): Knex {
  const current = (): Knex => {
    const binding = find()
    if (binding === undefined) throw missingScopeError()
    return binding.transaction ?? binding.rules.endpoint.knex
  }
  const currentOrUnbound = (): Knex => (find() === undefined ? host.unboundKnex : current())
  const own = ownMethods(host, find, current, currentOrUnbound)
  const forwarded = new Map<PropertyKey, Method>()
  let anyKnex: Knex | undefined
  /** Outside of scopes, a method is known without a Sharding: without a configuration, calling it says what is missing. */
  const isMethod = (property: string): boolean => {
    if (find() === undefined) anyKnex ??= createUnboundKnex('pg')
    return typeof Reflect.get(find() === undefined ? (anyKnex as Knex) : current(), property) === 'function'
  }

  return new Proxy(function db() {} as unknown as Knex, {
    apply: (_target, _this, args) => Reflect.apply(current(), undefined, args),

    get(target, property) {
      // Not a thenable: returning `db` from an async function must not run anything.
      if (property === 'then') return undefined
      if (property === 'shared') return shared
      if (typeof property === 'symbol' || property in target) return Reflect.get(target, property)
      if (own.has(property)) return own.get(property)
      if (BUILDERS.has(property)) return Reflect.get(current(), property)
      if (!isMethod(property)) return Reflect.get(currentOrUnbound(), property)
      let method = forwarded.get(property)
      if (method === undefined) {
        // It looks for the scope when it is called: `const { raw } = db` works wherever it is written.
        method = (...args) => call(current(), property, args)
        forwarded.set(property, method)
      }
      return method
    },

    has: (_target, property) => property in host.unboundKnex,
    set(_target, property) {
      throw new TypeError(
        `db.${String(property)} cannot be set: db follows the current scope and holds nothing itself.`,
      )
    },
  })
}

type Method = (...args: unknown[]) => unknown

/** Properties of knex that begin a query. */
const BUILDERS = new Set(['schema', 'migrate', 'seed'])

function ownMethods(
  host: DbHost,
  find: () => Binding<OpenScope> | undefined,
  current: () => Knex,
  currentOrUnbound: () => Knex,
): ReadonlyMap<string, Method> {
  const subscribe = (event: unknown, listener: unknown) => host.on(event as string, listener as () => void)
  const unsubscribe = (event: unknown, listener: unknown) => host.off(event as string, listener as () => void)
  return new Map<string, Method>([
    ['ref', (...args) => call(currentOrUnbound(), 'ref', args)],
    ['on', subscribe],
    ['addListener', subscribe],
    ['off', unsubscribe],
    ['removeListener', unsubscribe],
    // The transaction belongs to the scope in which the provider was made, wherever it is asked for first.
    [
      'transactionProvider',
      (...args) => {
        const provide = call(current(), 'transactionProvider', args) as () => unknown
        const binding = find()
        return () => runBound(binding, provide)
      },
    ],
    ['batchInsert', (...args) => batchInsert(find, call(current(), 'batchInsert', args))],
    ['destroy', refuse('destroy')],
    ['initialize', refuse('initialize')],
  ])
}

/** knex has started it already and offers no way to refuse; so it is given a transaction that does. */
function batchInsert(find: () => Binding<OpenScope> | undefined, inserting: unknown): unknown {
  const batch = inserting as { transacting(trx: unknown): unknown }
  const { transacting } = batch
  batch.transacting = (trx) => {
    try {
      insideOf(trx as Knex.Transaction, find() as Binding<OpenScope>)
    } catch (error) {
      const refuseToInsert = () => {
        throw error
      }
      return transacting.call(batch, refuseToInsert)
    }
    return transacting.call(batch, trx)
  }
  return batch
}

function call(knex: Knex, property: string, args: unknown[]): unknown {
  return Reflect.apply(Reflect.get(knex, property), knex, args)
}

function refuse(method: string): Method {
  return () => {
    throw new Error(
      `db.${method}() does not exist: connections belong to the Sharding. Use sharding.close().`,
    )
  }
}
