import type { Check, CheckOptions } from './check.ts'
import type { StatementRecord } from './history-record.ts'

/** Of a session, since its last reset. */
interface Ownership {
  readonly owner: string | undefined
  /** Its owners, the present one included. */
  readonly owners: Set<string>
  /** What was before the reset, and is again if that turns out to have failed. */
  readonly beforeReset: Ownership | undefined
}

const unowned = (beforeReset?: Ownership): Ownership => ({
  owner: undefined,
  owners: new Set(),
  beforeReset,
})

/**
 * A session runs the statements of one owner, is reset, and runs those of the next. From an owner's first statement to
 * its last, nobody else's may come: a session is serial, so its log's order says all about these intervals.
 */
export function checkOwnership({ findings }: Pick<CheckOptions, 'findings'>): Check {
  const sessions = new Map<string, Ownership>()

  const next = (before: Ownership, { session, what }: StatementRecord): Ownership => {
    if (what.kind === 'reset') return unowned(before)
    if (what.kind === 'failed reset') return before.beforeReset ?? before
    if (before.owner === what.owner) return before
    if (before.owners.has(what.owner)) {
      findings.add('sharedConnections', `session ${session}: ${what.owner} goes on after ${before.owner}`)
    } else if (before.owner !== undefined) {
      findings.add(
        'dirtyHandovers',
        `session ${session}: ${what.owner} follows ${before.owner} without a reset`,
      )
    }
    return { owner: what.owner, owners: before.owners.add(what.owner), beforeReset: undefined }
  }

  return {
    add(record) {
      if (record.t !== 'statement') return
      sessions.set(record.session, next(sessions.get(record.session) ?? unowned(), record))
    },
  }
}
