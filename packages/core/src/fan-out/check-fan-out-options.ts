import { inspect } from 'node:util'
import { closest } from '../util/closest.ts'

interface Rule {
  readonly wanted: string
  accepts(value: unknown): boolean
}

const LIMITS: Readonly<Record<string, Rule>> = {
  shards: {
    wanted: "'all', a list of names, or a function",
    accepts: (value) => value === 'all' || typeof value === 'function' || isListOfTexts(value),
  },
  tenants: {
    wanted: 'a list of tenant ids',
    accepts: (value) => typeof value === 'object' && value !== null && Symbol.iterator in value,
  },
  concurrency: { wanted: 'a whole number of at least 1', accepts: isCount },
  concurrencyPerServer: {
    wanted: 'a whole number of at least 1, or null',
    accepts: (value) => value === null || isCount(value),
  },
  role: oneOf('writing', 'reading'),
  preventWrites: oneOf(true, false),
  checkoutTimeoutMs: { wanted: 'more than 0 milliseconds', accepts: isTime },
  shardTimeoutMs: orNull({ wanted: 'more than 0 milliseconds', accepts: isTime }),
  totalTimeoutMs: orNull({ wanted: 'more than 0 milliseconds', accepts: isTime }),
  signal: {
    wanted: 'an AbortSignal',
    accepts: (value) => isObject(value) && 'aborted' in value && 'addEventListener' in value,
  },
  key: { wanted: 'a text that is not empty', accepts: (value) => typeof value === 'string' && value !== '' },
}

const MODE: Rule = {
  wanted: "'complete', 'partial' or { atLeast: <a number of shards> }",
  accepts: (value) =>
    value === 'complete' || value === 'partial' || (isObject(value) && isCount(value['atLeast'])),
}

const OUTCOME: Readonly<Record<string, Rule>> = {
  mode: MODE,
  onFailure: oneOf('cancel', 'continue'),
  columns: oneOf('same', 'any'),
  resume: {
    wanted: 'what an earlier run returned, or the `result` of its error',
    accepts: (value) =>
      isObject(value) && typeof value['key'] === 'string' && Array.isArray(value['outcomes']),
  },
}

const REDUCE: Rule = {
  wanted: "'count', 'sum', 'average', 'min', 'max', { min }, { max } or { top, orderBy }",
  accepts: (value) =>
    ['count', 'sum', 'average', 'min', 'max'].includes(value as string) ||
    (isObject(value) && ('min' in value || 'max' in value || isCount(value['top']))),
}

const ORDER: Rule = {
  wanted: 'a column, or a list of columns',
  accepts: (value) =>
    typeof value === 'string' || isObject(value) || (Array.isArray(value) && value.length > 0),
}

export const FAN_OUT_RULES = { ...LIMITS, ...OUTCOME }
export const REDUCE_RULES = { ...FAN_OUT_RULES, reduce: REDUCE }
export const STREAM_RULES = {
  ...LIMITS,
  mode: MODE,
  orderBy: ORDER,
  limit: orNull({ wanted: 'a whole number of at least 1', accepts: isCount }),
  cursor: { wanted: 'the `cursor` of an earlier stream', accepts: isObject },
}

/** Throws TypeError for an option that does not exist or has a value that it cannot have. */
export function checkFanOutOptions(
  options: unknown,
  rules: Readonly<Record<string, Rule>>,
  taker: string,
): void {
  if (!isObject(options))
    throw new TypeError(`${taker} takes options first, and an object at that, not ${shown(options)}.`)
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
    if (rule === undefined)
      throw new TypeError(`${taker} has no option "${name}". ${mend(name, Object.keys(rules))}`)
    if (value !== undefined && !rule.accepts(value))
      throw new TypeError(`The option "${name}" of ${taker} must be ${rule.wanted}, not ${shown(value)}.`)
  }
  if (options['shards'] !== undefined && options['tenants'] !== undefined)
    throw new TypeError(`${taker} takes shards or tenants, not both.`)
}

export function checkFunction(fn: unknown, taker: string): void {
  if (typeof fn !== 'function') throw new TypeError(`${taker} takes a function, not ${shown(fn)}.`)
}

function mend(name: string, names: readonly string[]): string {
  const meant = closest(name, names)
  return meant === undefined ? `There are ${names.join(', ')}.` : `Did you mean "${meant}"?`
}

function orNull({ wanted, accepts }: Rule): Rule {
  return { wanted: `${wanted}, or null`, accepts: (value) => value === null || accepts(value) }
}

function oneOf(...allowed: readonly unknown[]): Rule {
  return {
    wanted: allowed.map((value) => inspect(value)).join(' or '),
    accepts: (value) => allowed.includes(value),
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1
}

/** What a timer of Node can wait for. */
function isTime(value: unknown): boolean {
  return typeof value === 'number' && value > 0 && value < 2 ** 31
}

function isListOfTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}

function shown(value: unknown): string {
  return inspect(value, { depth: 0, maxStringLength: 64, breakLength: Number.POSITIVE_INFINITY })
}
