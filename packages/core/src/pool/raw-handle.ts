import type { EventEmitter } from 'node:events'
import { LeaseRevokedError } from '../errors.ts'
import type { Binding, BindingStore, ScopeRules } from './binding.ts'
import type { Turn } from './lane.ts'
import type { Lease } from './lease.ts'
import type { OpenWork } from './open-work.ts'
import type { RawConnection } from './raw-connection.ts'

/** Lends the driver's own connection to `fn` for one turn; the ambient `db` works inside, on the same connection. */
export async function withRawHandle<T, C>(
  binding: Binding,
  store: BindingStore,
  fn: (connection: C) => Promise<T>,
): Promise<T> {
  if (binding.rules.ended !== undefined) throw binding.rules.ended()
  const { lease, lane, rules } = binding
  rules.keepUp?.(lease)
  const inner = lane.inner()
  const turn: Turn = { holder: 'withRawConnection()', inner }
  const raw = await lease.enter(lane, turn, (connection) => {
    lease.engine.distrust?.(connection)
    const handle = new RawHandle(connection, lease, rules)
    // Whoever takes the connection away revokes the handle before anybody else gets it.
    lease.addOpenWork(handle)
    return handle
  })
  // Nobody sees what the driver is told.
  rules.writes?.begun()
  try {
    return await store.run(binding.inside(inner), async () => await fn(raw.handle as C))
  } finally {
    raw.abandon()
    lease.removeOpenWork(raw)
    inner.close(() => revokedError(rules.shard))
    lease.leave(lane, turn)
    await rules.writes?.ended()
  }
}

/**
 * The connection until it is abandoned; then every use of the handle throws LeaseRevokedError, for by that time the
 * connection may be somebody else's.
 */
class RawHandle implements OpenWork {
  readonly owner: ScopeRules
  readonly handle: RawConnection
  readonly #connection: RawConnection
  readonly #listeners: [event: string, listener: () => void][] = []
  #isRevoked = false

  constructor(connection: RawConnection, lease: Lease, owner: ScopeRules) {
    this.owner = owner
    this.#connection = connection
    this.handle = new Proxy(connection, {
      get: (target, property) => {
        this.#assertMine()
        const value: unknown = Reflect.get(target, property, target)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          this.#assertMine()
          lease.touch()
          if (ADDS_A_LISTENER.has(property)) this.#listeners.push(args as [string, () => void])
          // What mysql2's `promise()` returns uses what it was called on, for as long as somebody keeps it.
          const self = property === 'promise' ? this.handle : target
          const result: unknown = Reflect.apply(value, self, args)
          if (result instanceof Promise) return lease.track(result)
          // A method that can be chained must not lead around the handle.
          return result === target ? this.handle : result
        }
      },
      set: (target, property, value) => {
        this.#assertMine()
        return Reflect.set(target, property, value)
      },
    })
  }

  abandon(): void {
    if (this.#isRevoked) return
    this.#isRevoked = true
    const emitter = this.#connection as RawConnection & EventEmitter
    // They would hear what the next borrower's session is told.
    for (const [event, listener] of this.#listeners) emitter.removeListener(event, listener)
  }

  #assertMine(): void {
    if (this.#isRevoked) throw revokedError(this.owner.shard)
  }
}

const ADDS_A_LISTENER = new Set<string | symbol>([
  'on',
  'addListener',
  'once',
  'prependListener',
  'prependOnceListener',
])

function revokedError(shard: string): LeaseRevokedError {
  return new LeaseRevokedError(
    `The raw connection to shard "${shard}" was used after withRawConnection() had ended. Use it only inside, and await what it does.`,
    { shard },
  )
}
