/**
 * Whether a statement may write, judged by its keywords: a safeguard against mistakes, not a permission. What it
 * cannot judge counts as writing, except functions: `select nextval('s')` passes.
 */
export function mayWrite(sql: string): boolean {
  const readings = withoutLiterals(sql)
  return readings.every((text) => REMAINS.test(text)) || readings.some(anyStatementMayWrite)
}

/**
 * What is left of a statement without comments, texts and quoted names, which `identifier` stands for: in each of the
 * ways in which a database may understand it.
 */
export function withoutLiterals(sql: string, identifier = ' '): readonly string[] {
  const replace = (literal: string) => (literal[0] === '"' || literal[0] === '`' ? identifier : ' ')
  const readings = [sql.replace(LITERALS, replace)]
  // In every string of MySQL's a backslash escapes a quote, in PostgreSQL only in E'': both must read.
  if (sql.includes('\\')) readings.push(sql.replace(LITERALS_WITH_ESCAPES, replace))
  return readings
}

/**
 * Comments and dollar quotes. Not a comment with another one inside, for databases disagree about its end, nor one
 * that MySQL executes.
 */
const COMMENTS_AND_DOLLAR_QUOTES =
  /--[^\n]*|\/\*(?!M?!)(?:(?!\/\*)[\s\S])*?\*\/|(?<![\w$\u0080-\uffff])(\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)[\s\S]*?\1/
const QUOTES =
  /(?<![\w$\u0080-\uffff])[eE]'(?:[^'\\]|''|\\[\s\S])*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`/
const QUOTES_WITH_ESCAPES = /'(?:[^'\\]|''|\\[\s\S])*'|"(?:[^"\\]|""|\\[\s\S])*"|`(?:[^`]|``)*`/
const LITERALS = new RegExp(`${COMMENTS_AND_DOLLAR_QUOTES.source}|${QUOTES.source}`, 'g')
const LITERALS_WITH_ESCAPES = new RegExp(
  `${COMMENTS_AND_DOLLAR_QUOTES.source}|${QUOTES_WITH_ESCAPES.source}`,
  'g',
)
/** What is left of them where one could not be read to its end. */
const REMAINS = /['"`]|\/\*|\*\//

const READS = new Set(
  (
    'select values table with show explain describe desc pragma use set reset begin start commit end rollback abort ' +
    'savepoint release declare fetch move close'
  ).split(' '),
)

const WRITES = /\b(?:into|update|delete|merge)\b/
/** Locks need the primary, as a write does. */
const LOCKS = /\b(?:for\s+(?:key\s+)?share|lock\s+in\s+share)\b/
/** What else `explain analyze` runs. */
const RUN_BY_EXPLAIN = /^explain\b.*\banaly[sz]e\b.*\b(?:create|execute)\b/s
const SETTING = /^pragma\b.*=/s

function anyStatementMayWrite(sql: string): boolean {
  return sql.split(';').some((statement) => {
    const text = statement
      .trim()
      .replace(/^[(\s]+/, '')
      .toLowerCase()
    if (text === '') return false
    const keyword = /^[a-z]+/.exec(text)?.[0] ?? ''
    return !READS.has(keyword) || [WRITES, LOCKS, RUN_BY_EXPLAIN, SETTING].some((found) => found.test(text))
  })
}
