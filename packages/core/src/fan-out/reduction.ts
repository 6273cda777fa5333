import { exactSum } from './exact-sum.ts'
import { compareNumerals, compareValues, compileOrder, type RowOrder } from './row-order.ts'

/** How two values compare, where they do not by themselves: see `OrderColumn.compare`. */
export type Compare = 'number' | 'text' | ((a: never, b: never) => number)

/** How the answers of shards become one. */
export type Reduction =
  | 'count'
  | 'sum'
  | 'average'
  | 'min'
  | 'max'
  | { readonly min: Compare }
  | { readonly max: Compare }
  | { readonly top: number; readonly orderBy: RowOrder }

/** What a shard has answered. */
export interface ShardValue {
  readonly shard: string
  readonly value: unknown
}

type Reduce = (answers: readonly ShardValue[]) => unknown

/** @throws TypeError for a reduction that is none; what it returns throws one for answers that cannot be reduced */
export function compileReduction(reduction: Reduction): Reduce {
  if (reduction === 'count') return count
  if (reduction === 'sum') return sum
  if (reduction === 'average') return average
  if (reduction === 'min') return extreme(-1, compareUnlessText)
  if (reduction === 'max') return extreme(1, compareUnlessText)
  if ('min' in reduction) return extreme(-1, comparison(reduction.min))
  if ('max' in reduction) return extreme(1, comparison(reduction.max))
  return top(reduction)
}

function count(answers: readonly ShardValue[]): number {
  const counts = answers.map((answer) => {
    const value = scalarOf(answer)
    if (!/^\d+$/.test(String(value))) throw noneError(answer, 'a count')
    return value
  })
  return Number(exactSum(counts))
}

function sum(answers: readonly ShardValue[]): number | string | null {
  const values = answers.map(scalarOf).filter((value) => value !== null)
  return values.length === 0 ? null : exactSum(values)
}

/** Not the average of averages: shards have different numbers of rows. */
function average(answers: readonly ShardValue[]): number | null {
  const parts = answers.map((answer) => {
    const part = rowOf(answer.value)
    if (part === undefined || part['sum'] === undefined || part['count'] === undefined)
      throw noneError(answer, '{ sum, count }, of which an average is made')
    return { sum: part['sum'], count: part['count'] }
  })
  const rows = Number(exactSum(parts.map((part) => part.count)))
  const sums = parts.map((part) => part.sum).filter((value) => value !== null)
  return rows === 0 || sums.length === 0 ? null : Number(exactSum(sums)) / rows
}

function extreme(sign: 1 | -1, compare: (a: never, b: never) => number): Reduce {
  return (answers) =>
    answers
      .map(scalarOf)
      .filter((value) => value !== null)
      .reduce<unknown>(
        (best, value) => (best === null || sign * compare(value as never, best as never) > 0 ? value : best),
        null,
      )
}

function comparison(compare: Compare): (a: never, b: never) => number {
  if (compare === 'number') return compareNumerals
  if (compare === 'text') return compareValues
  if (typeof compare === 'function') return compare
  throw new TypeError("min and max compare as 'number', as 'text' or by a function.")
}

/** A `bigint` of PostgreSQL comes as a text, and as texts '9' is more than '10'. */
function compareUnlessText(a: unknown, b: unknown): number {
  if (typeof a === 'string' || typeof b === 'string')
    throw new TypeError(
      "Texts have a least and a greatest only once it is said how they compare: reduce: { min: 'number' } or { min: 'text' }.",
    )
  return compareValues(a, b)
}

function top({ top: size, orderBy }: { readonly top: number; readonly orderBy: RowOrder }): Reduce {
  if (orderBy === undefined) throw new TypeError('The top rows need an order: { top, orderBy }.')
  const { compare } = compileOrder(orderBy)
  return (answers) => {
    const rows = answers.flatMap((answer) => {
      if (!Array.isArray(answer.value)) throw noneError(answer, 'a list of rows')
      return (answer.value as object[]).map((row) => ({ shard: answer.shard, row }))
    })
    return rows.sort((a, b) => compare(a.row, b.row)).slice(0, size)
  }
}

/** The value itself, or the only one of the only row, as knex returns `count()`. */
function scalarOf(answer: ShardValue): unknown {
  const row = rowOf(answer.value)
  if (row === undefined) {
    if (Array.isArray(answer.value)) throw noneError(answer, 'one value')
    return answer.value ?? null
  }
  const values = Object.values(row)
  if (values.length !== 1) throw noneError(answer, 'one value')
  return values[0] ?? null
}

function rowOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  const row: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value
  if (typeof row !== 'object' || row === null || Array.isArray(row) || row instanceof Date) return undefined
  return row as Record<string, unknown>
}

function noneError({ shard }: ShardValue, wanted: string): TypeError {
  return new TypeError(`What the function returned for shard "${shard}" is not ${wanted}.`)
}
