import { LeaseRevokedError } from '../errors.ts'
import type { Binding, BindingStore, ScopeRules } from './binding.ts'
import type { Turn } from './lane.ts'
import type { Lease, OpenWork } from './lease.ts'
import type { RawConnection } from './raw-connection.ts'

/** Lends the driver's own connection to `fn` for one turn; the ambient `db` works inside, on the same connection. */
export async function withRawHandle<T, C>(
  binding: Binding,
  store: BindingStore,
  fn: (connection: C) => Promise<T>,
): Promise<T> {
  if (binding.rules.ended !== undefined) throw binding.rules.ended()
  const { lease, lane, rules } = binding
  const inner = lane.inner()
  const turn: Turn = { holder: 'withRawConnection()', inner }
  const raw = await lease.enter(lane, turn, (connection) => {
    const handle = new RawHandle(connection, lease, rules)
    // Whoever takes the connection away revokes the handle before anybody else gets it.
    lease.addOpenWork(handle)
    return handle
  })
  try {
    return await store.run(binding.inside(inner), async () => await fn(raw.handle as C))
  } finally {
    raw.abandon()
    lease.removeOpenWork(raw)
    inner.close(() => revokedError(rules.shard))
    lease.leave(lane, turn)
  }
}

/**
 * The connection until it is abandoned; then every use of the handle throws LeaseRevokedError, for by that time the
 * connection may be somebody else's.
 */
class RawHandle implements OpenWork {
  readonly owner: ScopeRules
  readonly handle: RawConnection
  #isRevoked = false

  constructor(connection: RawConnection, lease: Lease, owner: ScopeRules) {
    this.owner = owner
    this.handle = new Proxy(connection, {
      get: (target, property) => {
        this.#assertMine()
        const value: unknown = Reflect.get(target, property, target)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          this.#assertMine()
          lease.touch()
          const result: unknown = Reflect.apply(value, target, args)
          if (result instanceof Promise) lease.track(result)
          return result
        }
      },
      set: (target, property, value) => {
        this.#assertMine()
        return Reflect.set(target, property, value)
      },
    })
  }

  abandon(): void {
    this.#isRevoked = true
  }

  #assertMine(): void {
    if (this.#isRevoked) throw revokedError(this.owner.shard)
  }
}

function revokedError(shard: string): LeaseRevokedError {
  return new LeaseRevokedError(
    `The raw connection to shard "${shard}" was used after withRawConnection() had ended. Use it only inside, and await what it does.`,
    { shard },
  )
}
