import { type LeaseLeakedMessage, leaseLeaked } from '../diagnostics/lease-events.ts'
import { runInRootContext } from '../util/root-context.ts'

/** Holders that a warning was given for: one each, and not without end where their names have no end. */
const warned = new Set<string>()
const WARNINGS_MAX = 100

/** Tells whoever listens, else warns, so that nobody has to set anything up to see a leak. */
export function reportLeaked(message: LeaseLeakedMessage): void {
  if (leaseLeaked.hasSubscribers) {
    runInRootContext(() => leaseLeaked.publish(message))
    return
  }
  const { shard, role, holder, heldMs, stack } = message
  const place = `${shard} ${role} ${holder}`
  if (warned.has(place) || warned.size >= WARNINGS_MAX) return
  warned.add(place)
  process.emitWarning(
    `A connection to shard "${shard}" (${role}) has been held for ${heldMs} ms by ${holder}. End what holds it, call ` +
      'releaseConnection() around slow foreign calls, or raise pool.leakThresholdMs. Further leaks of this holder are ' +
      'told on the diagnostics channel sherd:lease:leaked.',
    { code: 'SHERD_LEASE_LEAKED', ...(stack === undefined ? {} : { detail: stack }) },
  )
}
