import type { Check, CheckOptions } from './check.ts'
import type { RestRecord } from './history-record.ts'

/** Conservation: what was lent has come back, what was opened is closed, and nothing went wrong unseen. */
export function checkRest({ findings }: Pick<CheckOptions, 'findings'>): Check {
  const checkRecord = ({ process, when, leases, waiting, connections, sessions, max }: RestRecord) => {
    if (leases + waiting > 0)
      findings.add(
        'leakedLeases',
        `${process}, ${when}: ${leases} leases, ${waiting} waiting`,
        leases + waiting,
      )
    const allowed = when === 'closed' ? 0 : max
    const surplus = Math.max(sessions, connections) - allowed
    if (surplus > 0)
      findings.add(
        'sessionsAboveMax',
        `${process}, ${when}: ${sessions} sessions, ${connections} connections`,
        surplus,
      )
  }

  return {
    add(record) {
      if (record.t === 'rest') checkRecord(record)
      else if (record.t === 'exit' && !record.byItself) findings.add('stuckProcesses', record.process)
      else if (record.t === 'incident')
        findings.add('incidents', `${record.process}: ${record.what}: ${record.message}`)
    },
  }
}
