import type { Knex } from 'knex'
import { type ShardingError, WritePreventedError } from '../errors.ts'
import type { Lane } from './lane.ts'
import type { Lease } from './lease.ts'
import { mayWrite } from './write-detection.ts'
import type { WriteWatch } from './write-watch.ts'

/** What the scope that a query belongs to says about it. */
export interface ScopeRules {
  readonly shard: string
  readonly tenant: string | undefined
  readonly preventWrites: boolean
  /** Set once the scope's function has settled: what its stray queries are refused with. */
  readonly ended: (() => ShardingError) | undefined
  /** Undefined where nobody wants to know. */
  readonly writes?: WriteWatch | undefined
  /** Before something is asked: has the lease go on where what has been written can be read. */
  keepUp?(lease: Lease): void
}

/**
 * What a query builder is bound to from its birth: a lease, the lane in which its queries take turns, and the
 * rules of its scope. knex carries it where it would carry a connection, as `builder._connection`.
 */
export class Binding<Rules extends ScopeRules = ScopeRules> {
  readonly lease: Lease
  readonly lane: Lane
  readonly rules: Rules
  /** knex's handle of the transaction that this binding is inside of. */
  transaction: Knex.Transaction | undefined
  /** Where code that runs here is on the shared database, once it has been there. */
  beside: Binding<Rules> | undefined
  /** Read by knex for its events. */
  readonly __knexTxId: string | undefined
  /** Written by knex when a query timed out; the lease cancels instead of poisoning the connection. */
  __knex__disposed: unknown

  constructor(lease: Lease, lane: Lane, rules: Rules, transactionId?: string) {
    this.lease = lease
    this.lane = lane
    this.rules = rules
    this.__knexTxId = transactionId
  }

  /** Read by knex for its events; undefined while no connection is held. */
  get __knexUid(): string | undefined {
    return (this.lease.connection as { __knexUid?: string } | undefined)?.__knexUid
  }

  /** The same place for another scope that shares the connection, such as a nested `connectedTo` of one shard. */
  withRules<R extends ScopeRules>(rules: R): Binding<R> {
    const binding = new Binding(this.lease, this.lane, rules, this.__knexTxId)
    binding.transaction = this.transaction
    binding.beside = this.beside as Binding<never> | undefined
    return binding
  }

  /** The same place for code that is inside a transaction on the shared database, too. */
  withBeside(beside: Binding<Rules>): Binding<Rules> {
    const binding = this.withRules(this.rules)
    binding.beside = beside
    return binding
  }

  /**
   * Where a query of this binding takes its turn when it is executed at `executing`: deeper, if it was made before a
   * transaction and is awaited inside it, for outside it would wait for the transaction that waits for it.
   */
  laneAt(executing: Binding | undefined): Lane {
    const deeper =
      executing !== undefined && executing.lease === this.lease && executing.lane.isWithin(this.lane)
    return deeper ? executing.lane : this.lane
  }

  /** Whether this is a place inside the transaction that knex made `client` for. */
  isInside(client: object): boolean {
    return this.transaction?.client === client
  }

  /** Whether queries of both belong to one tenant on one connection. */
  isSameScopeAs(other: Binding): boolean {
    return this.lease === other.lease && this.rules.tenant === other.rules.tenant
  }

  /** A place inside a turn that has a lane of its own. */
  inside(lane: Lane, transactionId?: string): Binding<Rules> {
    const binding = new Binding(this.lease, lane, this.rules, transactionId)
    binding.transaction = this.transaction
    binding.beside = this.beside
    return binding
  }

  /** What this statement is refused with, if it is. */
  refusal(sql: string): ShardingError | undefined {
    if (this.rules.ended !== undefined) return this.rules.ended()
    if (this.rules.preventWrites && mayWrite(sql)) {
      const { shard } = this.rules
      return new WritePreventedError(
        `A statement that may write was refused because its scope on shard "${shard}" only reads. ` +
          "Write inside connectedTo({ role: 'writing' }, …).",
        { shard },
      )
    }
    return undefined
  }
}

/** Where code is bound now, and how to run code elsewhere; the scope layer has the storage. */
export interface BindingStore {
  current(): Binding | undefined
  run<T>(binding: Binding, fn: () => T): T
}
