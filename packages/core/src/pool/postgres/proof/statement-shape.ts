import { PURE_FUNCTIONS } from './pure-functions.ts'
import { type SqlToken, sqlTokens, unquoted } from './sql-tokens.ts'

/**
 * - `read`: rows are read or locked.
 * - `write`: rows are changed or deleted.
 * - `insert`: rows are made, and defaults are looked at.
 */
export type Access = 'read' | 'write' | 'insert'

/** What a statement leads to. Whether that is harmless, the catalogue says. */
export interface StatementShape {
  /** By the names that the statement has for them, quotes included. */
  readonly relations: readonly { readonly name: string; readonly access: Access }[]
  /** Whatever may turn out to be the name of a function. */
  readonly names: ReadonlySet<string>
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/))

const STATEMENTS = words('select insert update delete')

const KEYWORDS = words(`
  select insert update delete from into set values where join using on returning
  all and any as asc between by case conflict constraint cross current_timestamp default desc distinct do else end except
  excluded exists false first for full group having ilike in inner intersect is key last left like limit locked no not
  nothing nowait null nulls of offset only or order outer over partition right share skip some then true union when
`)

/** Keywords that a parenthesis may follow without being called. */
const BEFORE_PARENTHESIS = words(`
  all and any between by case conflict distinct else except exists having ilike in intersect like limit not offset on or
  over returning select set some then union values when where
`)

const FUNCTIONS: ReadonlySet<string> = new Set(PURE_FUNCTIONS)

/** Behind these no further relation of a FROM list follows. All are reserved: any other keyword can be an alias in one. */
const ENDS_LIST = words('select where group order having limit offset union except intersect for returning')

/** `do update`, `for update` and `for no key update` name no relation. */
const BEFORE_OTHER_UPDATE = words('do for key')

/**
 * Reads a statement of the kinds that knex's builder makes without raw fragments. Undefined for every other: it is no
 * grammar of SQL but a list of what is known to be harmless, so what it does not know is not.
 *
 * The invariant: every relation that PostgreSQL could read or write for the statement is in `relations`, every function
 * that it could call is one of `PURE_FUNCTIONS` or in `names`.
 */
export function statementShape(sql: string): StatementShape | undefined {
  const tokens = sqlTokens(sql)
  if (tokens === undefined) return undefined
  const reader = new StatementReader(tokens)
  return reader.read() ? reader.shape : undefined
}

class StatementReader {
  readonly #tokens: readonly SqlToken[]
  readonly #relations: { name: string; access: Access }[] = []
  readonly #names = new Set<string>()
  /** For each open parenthesis, the statement itself first: whether a comma leads to one more relation. */
  readonly #inList = [false]
  /** Where the first keyword is. */
  readonly #start: number
  #at = 0
  /** A relation has to come next. */
  #awaited: Access | undefined
  #usesDefault = false

  constructor(tokens: readonly SqlToken[]) {
    this.#tokens = tokens
    this.#start = tokens.findIndex(({ text }) => text !== '(')
  }

  get shape(): StatementShape {
    const relations = this.#relations.map(({ name, access }) => ({
      name,
      access: this.#usesDefault && access === 'write' ? ('insert' as const) : access,
    }))
    return { relations, names: this.#names }
  }

  read(): boolean {
    const first = this.#tokens[this.#start]
    if (first === undefined || !STATEMENTS.has(first.text)) return false
    while (this.#at < this.#tokens.length) {
      if (!this.#readOne(this.#tokens[this.#at] as SqlToken)) return false
      this.#at++
    }
    return this.#awaited === undefined && this.#inList.length === 1
  }

  #readOne(token: SqlToken): boolean {
    switch (token.kind) {
      case 'name':
        return this.#readName()
      case 'word':
        return this.#readWord(token.text)
      case 'value':
        return this.#awaited === undefined
      case 'sign':
        return this.#readSign(token.text)
    }
  }

  /** A name with what stands before it: `"schema"."table"."column"`, `"table".*`. */
  #readName(): boolean {
    const parts = [this.#text(0)]
    let isWhole = true
    this.#names.add(unquoted(this.#text(0)))
    while (this.#text(1) === '.') {
      this.#at += 2
      isWhole = this.#text(0) !== '*'
      if (!isWhole) break
      if (this.#kind(0) !== 'name') return false
      parts.push(this.#text(0))
      this.#names.add(unquoted(this.#text(0)))
    }
    const access = this.#awaited
    if (access !== undefined) {
      if (!isWhole || parts.length > 2) return false
      this.#relations.push({ name: parts.join('.'), access })
      this.#awaited = undefined
    }
    // Whatever has a parenthesis behind it is called, but for the columns of an INSERT.
    return access === 'insert' || this.#text(1) !== '('
  }

  #readWord(word: string): boolean {
    if (this.#awaited !== undefined) return word === 'only'
    const isCalled = this.#text(1) === '('
    // Some keywords are allowed as names of functions.
    if (isCalled) this.#names.add(word)
    if (isCalled && FUNCTIONS.has(word)) return true
    if (!KEYWORDS.has(word)) return false
    const before = this.#kind(-1) === 'word' ? this.#text(-1) : ''
    if (ENDS_LIST.has(word)) this.#setInList(false)
    switch (word) {
      case 'from':
        this.#setInList(true)
        this.#awaited = before === 'delete' ? 'write' : 'read'
        return true
      case 'using':
        this.#setInList(true)
        this.#awaited = 'read'
        return true
      case 'join':
        this.#awaited = 'read'
        return true
      case 'into':
        // SELECT INTO makes a table.
        this.#awaited = 'insert'
        return before === 'insert'
      // Further on they could only be aliases.
      case 'insert':
        return this.#at === this.#start && this.#text(1) === 'into'
      case 'delete':
        return this.#at === this.#start && this.#text(1) === 'from'
      case 'update':
        if (BEFORE_OTHER_UPDATE.has(before)) return true
        this.#awaited = 'write'
        return this.#at === this.#start
      case 'default':
        this.#usesDefault = true
        return true
      case 'excluded':
        // The row that was to be inserted: `excluded."column"`.
        this.#at++
        return this.#text(0) === '.' && this.#kind(1) === 'name'
      default:
        return !isCalled || BEFORE_PARENTHESIS.has(word)
    }
  }

  #readSign(sign: string): boolean {
    switch (sign) {
      case '(':
        return this.#open()
      case ')':
        this.#inList.pop()
        return this.#awaited === undefined && this.#inList.length > 0
      case ',':
        if (this.#awaited !== undefined) return false
        if (this.#inList.at(-1)) this.#awaited = 'read'
        return true
      case '.':
        return false
      default:
        return this.#awaited === undefined
    }
  }

  #open(): boolean {
    this.#inList.push(false)
    const { kind, text } = this.#tokens[this.#at - 1] ?? { kind: 'sign', text: '(' }
    if (this.#awaited !== undefined) {
      // A subquery instead of a relation.
      const isSubquery = this.#awaited === 'read' && this.#text(1) === 'select'
      this.#awaited = undefined
      return isSubquery
    }
    return kind !== 'value' && text !== ')'
  }

  #setInList(isInList: boolean): void {
    this.#inList[this.#inList.length - 1] = isInList
  }

  #text(offset: number): string {
    return this.#tokens[this.#at + offset]?.text ?? ''
  }

  #kind(offset: number): SqlToken['kind'] | undefined {
    return this.#tokens[this.#at + offset]?.kind
  }
}
