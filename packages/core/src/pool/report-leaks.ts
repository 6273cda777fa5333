import { leaseLeaked, leaseRecovered } from '../diagnostics.ts'
import { runInRootContext } from '../util/root-context.ts'
import type { LongHeld } from './lease-holders.ts'

/** Holders that a warning was given for: one each, and not without end where their names have no end. */
const warned = new Set<string>()
const WARNINGS_MAX = 100

/** Tells whoever listens, else warns, so that nobody has to set anything up to see a leak. */
export function reportLeaked(shard: string, { lease: { role, description }, heldMs, stack }: LongHeld): void {
  if (leaseLeaked.hasSubscribers) {
    const where = stack === undefined ? {} : { stack }
    runInRootContext(() => leaseLeaked.publish({ shard, role, holder: description, heldMs, ...where }))
    return
  }
  const place = `${shard} ${role} ${description}`
  if (warned.has(place) || warned.size >= WARNINGS_MAX) return
  warned.add(place)
  process.emitWarning(
    `A connection to shard "${shard}" (${role}) has been held for ${heldMs} ms by ${description}. End what holds it, call ` +
      'releaseConnection() around slow foreign calls, or raise pool.leakThresholdMs. Further leaks of this holder are ' +
      'told on the diagnostics channel sherd:lease:leaked.',
    { code: 'SHERD_LEASE_LEAKED', ...(stack === undefined ? {} : { detail: stack }) },
  )
}

export function reportRecovered(shard: string, { lease: { role, description }, heldMs }: LongHeld): void {
  leaseRecovered.publish({ shard, role, holder: description, heldMs })
}
