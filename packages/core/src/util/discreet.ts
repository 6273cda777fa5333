import { type InspectOptionsStylized, inspect } from 'node:util'
import { PRINTS_REDACTED, redact } from './redact.ts'

/** Prototype of every object that may hold a secret: it prints itself redacted. */
class Discreet {
  get [PRINTS_REDACTED](): true {
    return true
  }

  toJSON(): unknown {
    return redact(visible(this))
  }

  [inspect.custom](_depth: number, options: InspectOptionsStylized): string {
    return inspect(redact(visible(this)), { ...options, customInspect: true })
  }
}

/**
 * A frozen copy of `fields` that can be logged: `inspect`, `console.log` and `JSON.stringify` show it redacted.
 *
 * The fields named in `hidden` cannot be enumerated, so that neither a logger that copies objects nor an assertion
 * that prints the difference of two ever meets them. A spread (`{ ...value }`) therefore leaves them behind, and a
 * deep comparison has to compare them by name.
 */
export function discreet<T extends object>(fields: T, hidden: readonly (keyof T)[] = []): T {
  const value: T = Object.assign(Object.create(Discreet.prototype), fields)
  for (const name of hidden) {
    Object.defineProperty(value, name, { value: fields[name], enumerable: false })
  }
  return Object.freeze(value)
}

/** All own fields, hidden ones included, as a plain object for `redact`. */
function visible(value: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.getOwnPropertyNames(value).map((name) => [name, Reflect.get(value, name) as unknown]),
  )
}
