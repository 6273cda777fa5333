/**
 * Whether a statement may write, judged by its keywords: a safeguard against mistakes, not a permission. What it
 * cannot judge counts as writing, except functions: `select nextval('s')` passes.
 */
export function mayWrite(sql: string): boolean {
  if (anyStatementMayWrite(sql.replace(LITERALS, ' '))) return true
  // In MySQL and in PostgreSQL's E'' a backslash escapes a quote, elsewhere it does not: both must read.
  return sql.includes('\\') && anyStatementMayWrite(sql.replace(LITERALS_WITH_ESCAPES, ' '))
}

/** Comments, strings, quoted identifiers and dollar quotes. */
const LITERALS =
  /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|(\$[A-Za-z_]*\$)[\s\S]*?\1/g
const LITERALS_WITH_ESCAPES =
  /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\]|''|\\[\s\S])*'|"(?:[^"\\]|""|\\[\s\S])*"|`(?:[^`]|``)*`|(\$[A-Za-z_]*\$)[\s\S]*?\1/g

const READS = new Set(
  [
    'select',
    'values',
    'table',
    'with',
    'show',
    'explain',
    'describe',
    'desc',
    'pragma',
    'use',
    'set',
    'reset',
  ].concat([
    'begin',
    'start',
    'commit',
    'end',
    'rollback',
    'abort',
    'savepoint',
    'release',
    'declare',
    'fetch',
    'move',
    'close',
  ]),
)

const WRITES = /\b(?:into|update|delete\s+from|merge)\b/
/** Locks need the primary, as a write does. */
const LOCKS = /\bfor\s+(?:key\s+)?share\b/

function anyStatementMayWrite(sql: string): boolean {
  return sql.split(';').some((statement) => {
    const text = statement
      .trim()
      .replace(/^[(\s]+/, '')
      .toLowerCase()
    if (text === '') return false
    const keyword = /^[a-z]+/.exec(text)?.[0] ?? ''
    return !READS.has(keyword) || WRITES.test(text) || LOCKS.test(text)
  })
}
