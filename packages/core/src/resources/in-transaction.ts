import type { ResolvedOptions } from './resource-pool-options.ts'
import { OpenTransaction, Use, type UseOptions } from './use.ts'

/** Begins, runs `fn` inside, and commits once it has succeeded; else rolls back, and rejects with what failed first. */
export async function inTransaction<T, X, R>(
  hooks: ResolvedOptions<T, X>,
  options: Omit<UseOptions<T>, 'transaction'>,
  fn: (resource: T, transaction: X) => R | PromiseLike<R>,
): Promise<Awaited<R>> {
  const { slot } = options
  const handle = await begin(hooks, slot)
  const transaction = new OpenTransaction(handle)
  try {
    const result = await new Use({ ...options, transaction }).run(() => fn(slot.resource, handle))
    if (transaction.failure !== undefined) throw transaction.failure.error
    await hooks.commit?.(slot.resource, handle)
    return result
  } catch (error) {
    try {
      await hooks.rollback?.(slot.resource, handle)
    } catch {
      // What is left of the transaction would be the next user's.
      slot.isBroken = true
    }
    slot.isSuspect = true
    throw error
  }
}

async function begin<T, X>(hooks: ResolvedOptions<T, X>, slot: UseOptions<T>['slot']): Promise<X> {
  try {
    return (await hooks.begin?.(slot.resource)) as X
  } catch (error) {
    // Nobody knows how far it has got.
    slot.isBroken = true
    throw error
  }
}
