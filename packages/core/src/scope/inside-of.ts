import type { Knex } from 'knex'
import { ScopeMismatchError } from '../errors.ts'
import type { Binding } from '../pool/binding.ts'
import { BINDING, type KnexClient } from '../pool/knex-internals.ts'
import type { OpenScope } from './open-scope.ts'

/** The place inside a transaction. Throws ScopeMismatchError when it is another scope's than `current`. */
export function insideOf(trx: Knex.Transaction, current: Binding<OpenScope>): Binding<OpenScope> {
  const inside = (trx.client as KnexClient)[BINDING] as Binding<OpenScope> | undefined
  if (inside === undefined)
    throw new TypeError('This takes a transaction that db.transaction() returned, and nothing else.')
  if (current.isSameScopeAs(inside)) return inside
  const { shard } = inside.rules
  throw new ScopeMismatchError(`The transaction belongs to another scope, on shard "${shard}".`, { shard })
}

/** Whether the transaction is on the connection of `place`. */
export function isOn(trx: Knex.Transaction, { lease }: Binding<OpenScope>): boolean {
  return (trx.client as KnexClient)[BINDING]?.lease === lease
}
