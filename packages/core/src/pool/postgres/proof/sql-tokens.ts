/**
 * - `name`: a quoted identifier, quotes included.
 * - `word`: a keyword, or the name of a function; in lower case.
 * - `value`: a number, or the placeholder of a binding.
 * - `sign`: an operator or punctuation.
 */
export interface SqlToken {
  readonly kind: 'name' | 'word' | 'value' | 'sign'
  readonly text: string
}

const PATTERNS = {
  /** As PostgreSQL knows spaces: other Unicode spaces are letters to it. */
  space: /[ \t\n\r]+/,
  name: /"(?:[^"\0]|"")+"/,
  /** Not before what would make another token of it: `E'…'`, `U&"…"`, `a$1`, a letter that is none of ASCII's. */
  word: /[A-Za-z_][A-Za-z0-9_]*(?![A-Za-z0-9_$'"&\x80-\uffff])/,
  value: /(?:\$\d+|\d+(?:\.\d+)?)(?![\w$.'"\x80-\uffff])/,
  sign: /<=|>=|<>|!=|[-=<>+*,().]/,
}

const TOKEN = new RegExp(
  Object.entries(PATTERNS)
    .map(([kind, { source }]) => `(?<${kind}>${source})`)
    .join('|'),
  'y',
)

/** PostgreSQL reads signs of these that touch as one operator, and `--` as a comment. */
const OPERATOR = /^[-=<>+*!]/

/** Longer names are cut off by PostgreSQL, and mean another then (`NAMEDATALEN`). */
const NAME_BYTES = 63

/**
 * The tokens of a statement, or undefined where there is anything but the few kinds that knex's builder makes: no text,
 * no comment, no cast, no semicolon.
 */
export function sqlTokens(sql: string): readonly SqlToken[] | undefined {
  const tokens: SqlToken[] = []
  let operatorEnd = -1
  for (let at = 0; at < sql.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at
    const { space, name, word, value, sign } = TOKEN.exec(sql)?.groups ?? {}
    if (name !== undefined) {
      if (Buffer.byteLength(unquoted(name)) > NAME_BYTES) return undefined
      tokens.push({ kind: 'name', text: name })
    } else if (word !== undefined) {
      tokens.push({ kind: 'word', text: word.toLowerCase() })
    } else if (value !== undefined) {
      tokens.push({ kind: 'value', text: value })
    } else if (sign !== undefined) {
      if (OPERATOR.test(sign)) {
        if (operatorEnd === at) return undefined
        operatorEnd = TOKEN.lastIndex
      }
      tokens.push({ kind: 'sign', text: sign })
    } else if (space === undefined) {
      return undefined
    }
  }
  return tokens
}

/** What a quoted identifier names. */
export function unquoted(name: string): string {
  return name.slice(1, -1).replaceAll('""', '"')
}
