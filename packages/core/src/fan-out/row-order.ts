/** One column of an order, as in ORDER BY. */
export interface OrderColumn {
  readonly column: string
  /** @default 'asc' */
  readonly order?: 'asc' | 'desc'
  /** Where NULL stands. @default as in PostgreSQL: last in 'asc', first in 'desc' */
  readonly nulls?: 'first' | 'last'
  /**
   * How two values that are not NULL compare. Numbers, bigints, dates, booleans and texts compare by themselves, texts by
   * code points (`COLLATE "C"` in PostgreSQL); `number` is for numbers that drivers return as texts (`bigint`, `numeric`).
   */
  readonly compare?: 'number' | ((a: never, b: never) => number)
}

/** Columns in the order of their weight; a name alone is that column, ascending. */
export type RowOrder = string | OrderColumn | readonly (string | OrderColumn)[]

type Row = Readonly<Record<string, unknown>>
export type CompareRows = (a: object, b: object) => number

export interface CompiledOrder {
  readonly columns: readonly string[]
  readonly compare: CompareRows
}

/** @throws TypeError for an order that is none */
export function compileOrder(order: RowOrder): CompiledOrder {
  const columns = [order].flat().map((each: unknown) => parse(each))
  const compare: CompareRows = (a, b) => {
    for (const each of columns) {
      const difference = compareIn(each, (a as Row)[each.column], (b as Row)[each.column])
      if (difference !== 0) return difference
    }
    return 0
  }
  return { columns: columns.map(({ column }) => column), compare }
}

interface ParsedColumn {
  readonly column: string
  readonly sign: 1 | -1
  /** Of NULL against anything else. */
  readonly nullSign: 1 | -1
  readonly compare: (a: never, b: never) => number
}

function parse(given: unknown): ParsedColumn {
  const each = typeof given === 'string' ? { column: given } : (given as OrderColumn)
  const { column, order = 'asc', compare } = each ?? {}
  if (typeof column !== 'string' || column === '')
    throw new TypeError('orderBy names columns, and this one has no name.')
  if (order !== 'asc' && order !== 'desc')
    throw new TypeError(`The order of column "${column}" is 'asc' or 'desc', not ${JSON.stringify(order)}.`)
  const nulls = each.nulls ?? (order === 'asc' ? 'last' : 'first')
  if (nulls !== 'first' && nulls !== 'last')
    throw new TypeError(`NULL stands 'first' or 'last' in column "${column}", not ${JSON.stringify(nulls)}.`)
  if (compare !== undefined && compare !== 'number' && typeof compare !== 'function')
    throw new TypeError(`Column "${column}" compares as 'number' or by a function.`)
  return {
    column,
    sign: order === 'asc' ? 1 : -1,
    nullSign: nulls === 'last' ? 1 : -1,
    compare: compare === 'number' ? compareNumerals : (compare ?? compareValues),
  }
}

function compareIn({ column, sign, nullSign, compare }: ParsedColumn, a: unknown, b: unknown): number {
  if (a === undefined || b === undefined)
    throw new TypeError(`The rows have no column "${column}", by which they are to be ordered: select it.`)
  if (a === null || b === null) return a === b ? 0 : a === null ? nullSign : -nullSign
  return sign * compare(a as never, b as never)
}

/** Two values of one type, as databases compare them. */
export function compareValues(a: unknown, b: unknown): number {
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b)
  const [left, right] = [ordinal(a), ordinal(b)]
  if (left === undefined || right === undefined)
    throw new TypeError(
      `A ${kindOf(a)} and a ${kindOf(b)} have no order by themselves: say how they compare.`,
    )
  return left < right ? -1 : left > right ? 1 : 0
}

/** By code points, as UTF-8 sorts; JavaScript compares units of UTF-16 (https://www.unicode.org/faq/utf_bom.html). */
function compareTexts(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index++) {
    const [x, y] = [a.charCodeAt(index), b.charCodeAt(index)]
    if (x === y) continue
    // Surrogates stand for what comes behind all other units.
    return behindAll(x) === behindAll(y) ? x - y : behindAll(x) ? 1 : -1
  }
  return a.length - b.length
}

function behindAll(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff
}

/** Whole numbers exactly, others as JavaScript has them. */
export function compareNumerals(a: unknown, b: unknown): number {
  const [left, right] = [numberOf(a), numberOf(b)]
  return left < right ? -1 : left > right ? 1 : 0
}

function numberOf(value: unknown): number | bigint {
  if (typeof value === 'number' || typeof value === 'bigint') return value
  if (typeof value === 'string' && /^-?\d+$/.test(value)) return BigInt(value)
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN
  if (Number.isNaN(number))
    throw new TypeError(`${JSON.stringify(value)} is to be compared as a number, and is none.`)
  return number
}

function ordinal(value: unknown): number | bigint | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return value
  if (typeof value === 'boolean') return Number(value)
  return value instanceof Date ? value.getTime() : undefined
}

function kindOf(value: unknown): string {
  return value instanceof Date ? 'date' : typeof value
}
