import { inspect } from 'node:util'
import { closest } from './closest.ts'

/** What an option of a function may be. */
export interface OptionRule {
  /** The rest of a sentence that begins with "must be". */
  readonly wanted: string
  accepts(value: unknown): boolean
}

export type OptionRules = Readonly<Record<string, OptionRule>>

/** Throws TypeError for an option that does not exist or has a value that it cannot have; `taker` is who was given them. */
export function checkOptions(options: unknown, rules: OptionRules, taker: string): void {
  if (!isObject(options)) throw new TypeError(`${taker} takes options as an object, not ${shown(options)}.`)
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
    if (rule === undefined)
      throw new TypeError(`${taker} has no option "${name}". ${mend(name, Object.keys(rules))}`)
    if (value !== undefined && !rule.accepts(value))
      throw new TypeError(`The option "${name}" of ${taker} must be ${rule.wanted}, not ${shown(value)}.`)
  }
}

export const COUNT: OptionRule = { wanted: 'a whole number of at least 1', accepts: isCount }

/** What a timer of Node can wait for. */
export const TIME: OptionRule = {
  wanted: 'more than 0 milliseconds',
  accepts: (value) => typeof value === 'number' && value > 0 && value < 2 ** 31,
}

export const TEXT: OptionRule = {
  wanted: 'a text that is not empty',
  accepts: (value) => typeof value === 'string' && value !== '',
}

export const SIGNAL: OptionRule = {
  wanted: 'an AbortSignal',
  accepts: (value) => isObject(value) && 'aborted' in value && 'addEventListener' in value,
}

export const FUNCTION: OptionRule = {
  wanted: 'a function',
  accepts: (value) => typeof value === 'function',
}

export function orNull({ wanted, accepts }: OptionRule): OptionRule {
  return { wanted: `${wanted}, or null`, accepts: (value) => value === null || accepts(value) }
}

export function oneOf(...allowed: readonly unknown[]): OptionRule {
  return {
    wanted: allowed.map((value) => inspect(value)).join(' or '),
    accepts: (value) => allowed.includes(value),
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1
}

export function isListOfTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}

/** A value as a message shows it: on one line, and cut. */
export function shown(value: unknown): string {
  return inspect(value, { depth: 0, maxStringLength: 64, breakLength: Number.POSITIVE_INFINITY })
}

function mend(name: string, names: readonly string[]): string {
  const meant = closest(name, names)
  return meant === undefined ? `There are ${names.join(', ')}.` : `Did you mean "${meant}"?`
}
