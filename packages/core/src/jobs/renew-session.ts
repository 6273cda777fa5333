import type { Turn } from '../pool/lane.ts'
import type { Lease } from '../pool/lease.ts'

/**
 * Brings a lease's session back to its baseline between two messages, as the pool does between two leases. False when
 * that cannot be done, or not now, because the first still keeps the connection: then the next takes another one.
 */
export async function renewSession(lease: Lease): Promise<boolean> {
  if (!lease.isHeld) return true
  if (isLost(lease)) return false
  const { root, engine } = lease
  const turn: Turn = { holder: 'the cleaning after a message', inner: undefined }
  try {
    await lease.enter(root, turn, () => {})
  } catch {
    return false
  }
  await lease.restore(root, turn, async (connection) => await engine.reset(connection))
  lease.leave(root, turn)
  return !isLost(lease)
}

function isLost({ connection }: Lease): boolean {
  return Boolean(connection?.__knex__disposed)
}
