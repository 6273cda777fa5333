import { inspect } from 'node:util'
import { closest } from '../util/closest.ts'
import { isThenable } from '../util/thenable.ts'
import type { RequestOptions } from './request-options.ts'

type OptionName = keyof RequestOptions<never>

interface Rule {
  readonly wanted: string
  accepts(value: unknown): boolean
}

/** What each option has to be. Sharding and tenant sources are checked where they are put to use. */
const RULES: Readonly<Record<OptionName, Rule>> = {
  sharding: { wanted: 'a Sharding, as createSharding() makes it', accepts: isObject },
  tenant: {
    wanted: 'an object such as { header: "x-tenant-id" }, a function, or a list of these',
    accepts: (value) => isObject(value) || typeof value === 'function',
  },
  required: oneOf(true, false),
  skip: {
    wanted: 'a list of paths and regular expressions, or a function',
    accepts: (value) =>
      typeof value === 'function' ||
      (Array.isArray(value) && value.every((each) => typeof each === 'string' || each instanceof RegExp)),
  },
  checkout: oneOf('auto', 'eager', 'lazy'),
  role: oneOf('writing', 'reading'),
  // What is in it is checked where it is put to use.
  readFromReplicas: {
    wanted: 'true, false or an object such as { windowMs: 2000 }',
    accepts: (value) => typeof value === 'boolean' || isObject(value),
  },
  onUnavailable: oneOf('respond', 'next'),
  afterResponse: oneOf('detach', 'reject'),
  onAbort: oneOf('auto', 'cancel', 'finish'),
  exposeShard: oneOf(true, false),
  allowFanOut: oneOf(true, false),
  perRequest: {
    wanted: 'a function from a request to options',
    accepts: (value) => typeof value === 'function',
  },
}

const NAMES = Object.keys(RULES)
/** What may differ from request to request. */
const NAMES_PER_REQUEST = NAMES.filter((name) => name !== 'perRequest' && name !== 'sharding')

/** Throws TypeError for an option that does not exist or has a value that it cannot have. */
export function checkOptions(options: unknown): void {
  if (!isObject(options)) throw new TypeError(`The options must be an object, not ${shown(options)}.`)
  checkEach(options, NAMES, 'option')
}

/** The same for what `perRequest` returned. */
export function checkOptionsPerRequest(options: unknown): void {
  if (!isObject(options) || isThenable(options))
    throw new TypeError(`The option "perRequest" must return options or undefined, not ${shown(options)}.`)
  checkEach(options, NAMES_PER_REQUEST, 'option for a single request')
}

function checkEach(options: object, names: readonly string[], kind: string): void {
  for (const [name, value] of Object.entries(options)) {
    if (!names.includes(name)) throw new TypeError(`There is no ${kind} "${name}". ${mend(name, names)}`)
    const { wanted, accepts } = RULES[name as OptionName]
    if (value !== undefined && !accepts(value))
      throw new TypeError(`The option "${name}" must be ${wanted}, not ${shown(value)}.`)
  }
}

function mend(name: string, names: readonly string[]): string {
  const meant = closest(name, names)
  return meant === undefined ? `There are ${names.join(', ')}.` : `Did you mean "${meant}"?`
}

function oneOf(...allowed: readonly (string | boolean)[]): Rule {
  return {
    wanted: allowed.map((value) => inspect(value)).join(' or '),
    accepts: (value) => (allowed as readonly unknown[]).includes(value),
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function shown(value: unknown): string {
  return inspect(value, { depth: 0, maxStringLength: 64, breakLength: Number.POSITIVE_INFINITY })
}
