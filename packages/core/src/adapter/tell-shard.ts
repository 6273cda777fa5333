import { IncomingMessage } from 'node:http'
import type { RequestShard } from './request-options.ts'
import { requestState } from './request-state.ts'

/** Prototypes that have the getter of this module. */
const extended = new WeakSet<object>()
/** Prototypes of requests, and whether they have it, themselves or behind them. */
const known = new WeakMap<object, boolean>()

/**
 * Has `req.shard` lead there. Where a framework keeps a prototype of its own for requests, as Express does, by a getter in
 * that one: it gives each request a shape of its own, so that a property more takes five microseconds on Node 20, and the
 * shapes are garbage.
 */
export function tellShard(req: IncomingMessage, shard: RequestShard | undefined): void {
  const prototype = Object.getPrototypeOf(req)
  let isTold = known.get(prototype)
  if (isTold === undefined) {
    isTold = extend(prototype)
    known.set(prototype, isTold)
  }
  if (!isTold) (req as { shard?: RequestShard | undefined }).shard = shard
}

/** False where there is no prototype between a request and Node's, and where somebody else has given one the name. */
function extend(prototype: object): boolean {
  let base = prototype
  while (!Object.hasOwn(base, 'shard')) {
    const next = Object.getPrototypeOf(base)
    if (next === null) return false
    if (next === IncomingMessage.prototype) {
      addGetter(base)
      break
    }
    base = next
  }
  return extended.has(base)
}

function addGetter(base: object): void {
  Object.defineProperty(base, 'shard', {
    configurable: true,
    get(this: object) {
      return requestState(this).shard
    },
    // Who assigns to it has it, as everywhere.
    set(this: object, value: unknown) {
      Object.defineProperty(this, 'shard', { configurable: true, enumerable: true, writable: true, value })
    },
  })
  extended.add(base)
}
