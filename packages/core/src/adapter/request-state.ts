import type { Binding } from '../pool/binding.ts'
import type { OpenScope } from '../scope/open-scope.ts'
import type { ClientWrites } from './client-writes.ts'
import type { RequestShard } from './request-options.ts'

/** What is known about a request that a middleware has seen, for those that come after it. */
export interface RequestState {
  /** The scope that it runs in, unless it runs unscoped. */
  binding?: Binding<OpenScope> | undefined
  /** The same, as applications see it. */
  shard?: RequestShard | undefined
  /** Whether answers may name its shard. */
  exposeShard?: boolean
  /** What its client has written, where that decides where it reads. */
  writes?: ClientWrites
  /** Takes its connection, where that was left until its body has been read. */
  checkOut?: ((next: (error?: unknown) => void) => void) | undefined
}

/** The same in every copy of this package, so that two see one request as one. */
const KEY = Symbol.for('sherd.request')

/**
 * It stands on the request itself, where nothing that prints or copies a request finds it. In a `WeakMap` whatever it
 * leads to would survive every young collection, and cost as much as all the rest of a request.
 */
export function requestState(req: unknown): RequestState {
  if (typeof req !== 'object' || req === null) return {}
  const known = (req as { [KEY]?: RequestState })[KEY]
  if (known !== undefined) return known
  const state: RequestState = {}
  // On a frozen one it does not stay, and nobody who comes after finds it.
  Reflect.defineProperty(req, KEY, { value: state })
  return state
}
