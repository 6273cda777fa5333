import type { Role } from '../pool/pool-registry.ts'

/** A tenant's id as users pass it; compared as a string. */
export type TenantId = string | number | bigint

/** Where code is connected: an immutable value. */
export interface Scope {
  readonly shard: string
  readonly tenant?: string
  readonly role: Role
  /** Statements that may write are refused; always true for the role `reading`. */
  readonly preventWrites: boolean
  /** Another shard or another tenant is refused until {@link ScopeApi.unlocked}. */
  readonly locked: boolean
  /** Version of the routing that led here, where the router has one. */
  readonly epoch?: number
}

/** Where to go: a shard's name, or any part of a scope; what is left out stays as it is. */
export type Target = string | TargetParts

export interface TargetParts {
  readonly shard?: string
  /** Routed to its shard. Together with a `shard` that the router disagrees with: ScopeMismatchError. */
  readonly tenant?: TenantId
  readonly role?: Role
  readonly preventWrites?: boolean
  /** True: refuse other shards and tenants inside. An enclosing lock cannot be lifted by `false`. */
  readonly lock?: boolean
  /** `eager` (default) takes the connection before the function runs, `lazy` with its first query. */
  readonly checkout?: 'eager' | 'lazy'
  /** Milliseconds to wait for a connection at most, instead of the pool's `checkoutTimeoutMs`. */
  readonly checkoutTimeoutMs?: number
  /** A connection of its own on the same shard, beside the enclosing scope's. */
  readonly separate?: boolean
}

/** A scope as plain data, to be put into a job's payload. */
export interface ScopeToken {
  readonly shard: string
  readonly tenant?: string
  readonly role: Role
  readonly preventWrites: boolean
  readonly locked: boolean
}
