import {
  COUNT,
  checkOptions,
  isCount,
  isListOfTexts,
  isObject,
  type OptionRule,
  type OptionRules,
  oneOf,
  orNull,
  SIGNAL,
  shown,
  TEXT,
  TIME,
} from '../util/option-rules.ts'

const LIMITS: OptionRules = {
  shards: {
    wanted: "'all', a list of names, or a function",
    accepts: (value) => value === 'all' || typeof value === 'function' || isListOfTexts(value),
  },
  tenants: {
    wanted: 'a list of tenant ids',
    accepts: (value) => typeof value === 'object' && value !== null && Symbol.iterator in value,
  },
  concurrency: COUNT,
  concurrencyPerServer: orNull(COUNT),
  role: oneOf('writing', 'reading'),
  preventWrites: oneOf(true, false),
  checkoutTimeoutMs: TIME,
  shardTimeoutMs: orNull(TIME),
  totalTimeoutMs: orNull(TIME),
  signal: SIGNAL,
  key: TEXT,
}

const MODE: OptionRule = {
  wanted: "'complete', 'partial' or { atLeast: <a number of shards> }",
  accepts: (value) =>
    value === 'complete' || value === 'partial' || (isObject(value) && isCount(value['atLeast'])),
}

const OUTCOME: OptionRules = {
  mode: MODE,
  onFailure: oneOf('cancel', 'continue'),
  columns: oneOf('same', 'any'),
  resume: {
    wanted: 'what an earlier run returned, or the `result` of its error',
    accepts: (value) =>
      isObject(value) && typeof value['key'] === 'string' && Array.isArray(value['outcomes']),
  },
}

const REDUCE: OptionRule = {
  wanted: "'count', 'sum', 'average', 'min', 'max', { min }, { max } or { top, orderBy }",
  accepts: (value) =>
    ['count', 'sum', 'average', 'min', 'max'].includes(value as string) ||
    (isObject(value) && ('min' in value || 'max' in value || isCount(value['top']))),
}

const ORDER: OptionRule = {
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
  limit: orNull(COUNT),
  cursor: { wanted: 'the `cursor` of an earlier stream', accepts: isObject },
}

/** Throws TypeError for an option that does not exist or has a value that it cannot have. */
export function checkFanOutOptions(options: unknown, rules: OptionRules, taker: string): void {
  if (!isObject(options))
    throw new TypeError(`${taker} takes options first, and an object at that, not ${shown(options)}.`)
  checkOptions(options, rules, taker)
  if (options['shards'] !== undefined && options['tenants'] !== undefined)
    throw new TypeError(`${taker} takes shards or tenants, not both.`)
}

export function checkFunction(fn: unknown, taker: string): void {
  if (typeof fn !== 'function') throw new TypeError(`${taker} takes a function, not ${shown(fn)}.`)
}
