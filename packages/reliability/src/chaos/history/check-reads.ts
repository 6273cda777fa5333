import type { Check, CheckOptions } from './check.ts'
import type { ReadRecord, StartRecord } from './history-record.ts'

const DEFAULT_SEARCH_PATH = '"$user", public'

/** Nobody reads another tenant's rows or settings, or finds in a session what another has left. */
export function checkReads({ findings, planOf }: CheckOptions): Check {
  const checkStart = (record: StartRecord) => {
    const left = [
      !isNone(record.tenant) && `app.tenant = ${record.tenant}`,
      record.searchPath !== DEFAULT_SEARCH_PATH && `search_path = ${record.searchPath}`,
      record.hasTempTable && 'a temporary table',
      (record.advisoryLocks ?? 0) > 0 && `${record.advisoryLocks} advisory locks`,
    ].filter((each) => each !== false)
    if (left.length > 0) findings.add('stateLeftBehind', `request ${record.id} began with ${left.join(', ')}`)
  }

  const checkRead = ({ id, what, tenants, isOver }: ReadRecord) => {
    const own = planOf(id).tenant
    // A setting that is gone says that the connection is another, which it may be after the response.
    const foreign = tenants.filter((tenant) => (isNone(tenant) ? !isOver : tenant !== own))
    if (foreign.length === 0) return
    const rule = what === 'rows' ? 'foreignRows' : 'foreignSettings'
    findings.add(
      rule,
      `request ${id} of ${own} read ${what} of ${foreign.map((each) => each || 'nobody').join(', ')}`,
    )
  }

  return {
    add(record) {
      if (record.t === 'start') checkStart(record)
      else if (record.t === 'read') checkRead(record)
    },
  }
}

/** A custom setting that was reset is the empty text. */
function isNone(tenant: string | null): boolean {
  return tenant === null || tenant === ''
}
