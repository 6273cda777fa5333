import { quote } from '../util/quote.ts'
import type { TargetParts } from './scope.ts'

/**
 * Where a token of `captureScope()` leads. It has been through a queue, so it is taken for whatever somebody put there.
 *
 * A tenant is routed anew; the shard that the token names is where it lived then. What a later version adds to tokens
 * is passed over.
 *
 * @throws TypeError unless every part has the type that `captureScope()` gives it
 */
export function tokenTarget(token: unknown): TargetParts {
  if (typeof token !== 'object' || token === null || Array.isArray(token)) {
    throw new TypeError(`${A_TOKEN}, and this is ${describe(token)}.`)
  }
  const role = part(token, 'role', (value) => value === 'writing' || value === 'reading')
  const shard = part(token, 'shard', isText)
  const tenant = part(token, 'tenant', (value) => value === undefined || isText(value))
  return {
    ...(tenant === undefined ? { shard: shard as string } : { tenant: tenant as string }),
    role: role as 'writing' | 'reading',
    preventWrites: part(token, 'preventWrites', isFlag) as boolean,
    lock: part(token, 'locked', isFlag) as boolean,
  }
}

/** What tells a token from a target. */
export function isToken(value: object): boolean {
  return Object.hasOwn(value, 'locked')
}

const A_TOKEN =
  'A scope token is what captureScope() returned, { shard, tenant?, role, preventWrites, locked }, as it was'

function part(token: object, name: string, isValid: (value: unknown) => boolean): unknown {
  // Own properties alone: nothing that somebody has put on Object.prototype.
  const value: unknown = Object.hasOwn(token, name) ? token[name as never] : undefined
  if (isValid(value)) return value
  throw new TypeError(`${A_TOKEN}; in this one "${name}" is ${describe(value)}.`)
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function isFlag(value: unknown): boolean {
  return typeof value === 'boolean'
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return quote(value, 32)
  return value === undefined ? 'missing' : `of type ${typeof value}`
}
