import { LeaseRevokedError } from '../errors.ts'
import type { Binding, BindingStore } from './binding.ts'
import type { Turn } from './lane.ts'
import type { Lease } from './lease.ts'

/** Lends the driver's own connection to `fn` for one turn; the ambient `db` works inside, on the same connection. */
export async function withRawHandle<T, C>(
  binding: Binding,
  store: BindingStore,
  fn: (connection: C) => Promise<T>,
): Promise<T> {
  if (binding.rules.ended !== undefined) throw binding.rules.ended()
  const { lease, lane } = binding
  const { shard } = binding.rules
  const inner = lane.inner()
  const turn: Turn = { holder: 'withRawConnection()', inner }
  const connection = await lease.enter(lane, turn)
  const { handle, revoke } = createRawHandle(connection, lease, shard)
  try {
    return await store.run(binding.inside(inner), async () => await fn(handle as C))
  } finally {
    revoke()
    inner.close(() => revokedError(shard))
    lease.leave(lane, turn)
  }
}

/**
 * The connection until `revoke` is called; then every use of it throws LeaseRevokedError, for by that time the
 * connection may be somebody else's.
 */
function createRawHandle<C extends object>(connection: C, lease: Lease, shard: string) {
  let isRevoked = false
  const handle = new Proxy(connection, {
    get(target, property) {
      if (isRevoked) throw revokedError(shard)
      const value: unknown = Reflect.get(target, property, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        if (isRevoked) throw revokedError(shard)
        lease.touch()
        const result: unknown = Reflect.apply(value, target, args)
        if (result instanceof Promise) lease.track(result)
        return result
      }
    },
  })
  return {
    handle,
    revoke: () => {
      isRevoked = true
    },
  }
}

function revokedError(shard: string): LeaseRevokedError {
  return new LeaseRevokedError(
    `The raw connection to shard "${shard}" was used after withRawConnection() had ended. Use it only inside, and await what it does.`,
    { shard },
  )
}
