import type { Binding } from '../pool/binding.ts'
import type { OpenScope } from '../scope/open-scope.ts'
import type { ClientWrites } from './client-writes.ts'
import type { RequestShard } from './request-options.ts'

/** What is known about a request that a middleware has seen, for those that come after it. */
export class RequestState {
  /** The scope that it runs in, unless it runs unscoped. */
  binding: Binding<OpenScope> | undefined
  /** The same, as applications see it. */
  shard: RequestShard | undefined
  /** Whether answers may name its shard. */
  exposeShard: boolean | undefined
  /** What its client has written, where that decides where it reads. */
  writes: ClientWrites | undefined
  /** Takes its connection, where that was left until its body has been read. */
  checkOut: ((next: (error?: unknown) => void) => void) | undefined
}

/**
 * Where states stand: a private field of somebody else's object, which a constructor that returns it gives it. Nothing that
 * prints or copies the object finds it, it goes with the object, and a property that is not enumerable takes ten times as
 * long. In a `WeakMap` whatever a state leads to would survive every young collection, and cost as much as all the rest of
 * a request.
 */
class Stated extends (function given(object: object) {
  return object
} as unknown as new (
  object: object,
) => object) {
  readonly #state = new RequestState()

  static of(object: object): RequestState {
    return (#state in object ? object : new Stated(object)).#state
  }
}

const KEY = Symbol.for('sherd.request-state')

/** The same in every copy of this package, so that two see one request as one. */
const anchor = globalThis as { [KEY]?: (object: object) => RequestState }
anchor[KEY] ??= Stated.of
const stateOf = anchor[KEY]

export function requestState(req: unknown): RequestState {
  if (typeof req !== 'object' || req === null) return new RequestState()
  // Node's list of headers, which each message has one of. On the message itself it would take four microseconds on Node
  // 20, for Express gives each a shape of its own.
  const { rawHeaders } = req as { rawHeaders?: unknown }
  return stateOf(Array.isArray(rawHeaders) ? rawHeaders : req)
}
