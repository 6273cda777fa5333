import type { StatementRecord } from './history-record.ts'

/** Settings with which a server logs every statement that it runs, each with its session. */
export const LOG_STATEMENTS = {
  log_statement: 'all',
  log_line_prefix: '%c|',
  // No parameters, no source lines.
  log_error_verbosity: 'terse',
  log_parameter_max_length: '0',
  // Behind an error comes the statement that has failed.
  log_min_error_statement: 'error',
  log_checkpoints: 'off',
} as const

/** Marks a statement for {@link parseLogLine}. */
export function tagged(owner: string, sql: string): string {
  return `${tagOf(owner)} ${sql}`
}

export function tagOf(owner: string): string {
  return `/* ${commentOf(owner)} */`
}

/** What stands in the comment. */
export function commentOf(owner: string): string {
  return `owner:${owner}`
}

const LINE = /^([0-9a-f]+\.[0-9a-f]+)\|([A-Z]+): {2}(.*)/
const STATEMENT = /^(?:statement|execute [^:]*): (.*)/
const RESET = /^(?:DISCARD ALL|CLOSE ALL)\b/
const TAG = /\/\* owner:(\S+) \*\//

/** Undefined for what says nothing about owners: `COMMIT` and the like belong to whoever had the session before. */
export function parseLogLine(server: number, line: string): StatementRecord | undefined {
  const [, session, severity, message = ''] = LINE.exec(line) ?? []
  if (session === undefined) return undefined
  const record = (what: StatementRecord['what']): StatementRecord => ({
    t: 'statement',
    session: `${server}/${session}`,
    what,
  })
  if (severity === 'STATEMENT') return RESET.test(message) ? record({ kind: 'failed reset' }) : undefined
  const sql = STATEMENT.exec(message)?.[1]
  if (sql === undefined) return undefined
  if (RESET.test(sql)) return record({ kind: 'reset' })
  const owner = TAG.exec(sql)?.[1]
  return owner === undefined ? undefined : record({ kind: 'owned', owner })
}
