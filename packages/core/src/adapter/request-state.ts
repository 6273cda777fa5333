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

const KEY = Symbol.for('sherd.requests')

/** Anchored globally, so that two copies of this package see one request as one. */
const anchor = globalThis as { [KEY]?: WeakMap<object, RequestState> }
anchor[KEY] ??= new WeakMap()
const states: WeakMap<object, RequestState> = anchor[KEY]

export function requestState(req: unknown): RequestState {
  if (typeof req !== 'object' || req === null) return {}
  let state = states.get(req)
  if (state === undefined) {
    state = {}
    states.set(req, state)
  }
  return state
}
