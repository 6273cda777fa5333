import type { Check, CheckOptions } from './check.ts'
import type { ReadRecord, StartRecord } from './history-record.ts'

const DEFAULT_SEARCH_PATH = '"$user", public'

/** Nobody reads another tenant's rows or settings, or finds in a session what another has left. */
export function checkReads({ findings, planOf }: CheckOptions): Check {
  const checkStart = (record: StartRecord) => {
    const left = [
      record.tenant !== null && record.tenant !== '' && `app.tenant = ${record.tenant}`,
      record.searchPath !== DEFAULT_SEARCH_PATH && `search_path = ${record.searchPath}`,
      record.hasTempTable && 'a temporary table',
      (record.advisoryLocks ?? 0) > 0 && `${record.advisoryLocks} advisory locks`,
    ].filter((each) => each !== false)
    if (left.length > 0) findings.add('stateLeftBehind', `request ${record.id} began with ${left.join(', ')}`)
  }

  const checkRead = ({ id, what, tenants }: ReadRecord) => {
    const own = planOf(id).tenant
    const foreign = tenants.filter((tenant) => tenant !== own)
    if (foreign.length === 0) return
    const rule = what === 'rows' ? 'foreignRows' : 'foreignSettings'
    findings.add(rule, `request ${id} of ${own} read ${what} of ${foreign.join(', ')}`)
  }

  return {
    add(record) {
      if (record.t === 'start') checkStart(record)
      else if (record.t === 'read') checkRead(record)
    },
  }
}
