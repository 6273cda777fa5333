import { type InspectOptionsStylized, inspect } from 'node:util'
import { PRINTS_REDACTED, redact, redactConnection } from './redact.ts'

/** Prototype of every object that may hold a secret: it prints itself redacted. */
class Discreet {
  get [PRINTS_REDACTED](): true {
    return true
  }

  toJSON(): unknown {
    return redact(visible(this))
  }

  [inspect.custom](_depth: number, options: InspectOptionsStylized): string {
    return inspect(this.toJSON(), options)
  }
}

/** The same for the settings of a connection. */
class DiscreetConnection extends Discreet {
  override toJSON(): unknown {
    return redactConnection(visible(this))
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

/** A frozen copy of a connection's settings that can be logged: it shows only what is no secret under any driver. */
export function discreetConnection<T extends object>(settings: T): T {
  const value: T = Object.assign(Object.create(DiscreetConnection.prototype), settings)
  return Object.freeze(value)
}

/** Makes the settings of a connection that another library holds print themselves likewise, in place. */
export function makeDiscreet(settings: object): void {
  Object.setPrototypeOf(settings, DiscreetConnection.prototype)
}

/** All own fields, hidden ones included, as a plain object for `redact`. */
function visible(value: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.getOwnPropertyNames(value).map((name) => [name, Reflect.get(value, name) as unknown]),
  )
}
