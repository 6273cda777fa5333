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
 * It stands where nothing that prints or copies a request finds it, and goes with the request. In a `WeakMap` whatever it
 * leads to would survive every young collection, and cost as much as all the rest of a request.
 */
export function requestState(req: unknown): RequestState {
  if (typeof req !== 'object' || req === null) return {}
  const place = placeIn(req)
  const known = place[KEY]
  if (known !== undefined) return known
  const state: RequestState = {}
  // On a frozen one it does not stay, and nobody who comes after finds it.
  Reflect.defineProperty(place, KEY, { value: state })
  return state
}

/**
 * Node's list of headers, which each message has one of. On the message itself it would take four microseconds on Node 20,
 * for Express gives each a shape of its own.
 */
function placeIn(req: { rawHeaders?: unknown }): { [KEY]?: RequestState } {
  const { rawHeaders } = req
  return Array.isArray(rawHeaders) ? (rawHeaders as { [KEY]?: RequestState }) : (req as object)
}
