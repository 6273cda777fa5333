/** What stands where a secret was. */
export const REDACTED = '[redacted]'

const SECRET_KEY = /pass|pwd|secret|token|credential|private|pfx|signature|key$/i
const URL_PASSWORD = /([a-z][a-z0-9+.-]*:\/\/)([^:@/?#\s]*):[\s\S]*@/gi
const NAMED_SECRET = /([\w.-]*(?:pass|pwd|secret|token|credential|key)[\w.-]*["']?\s*[=:]\s*)[^&;\r\n]+/gi

/** Of a connection's settings, those that are no secret under any driver. */
const HARMLESS_SETTINGS = [
  'host',
  'hostname',
  'server',
  'port',
  'user',
  'database',
  'filename',
  'socketPath',
  'path',
]

/** Settings by which a connection shows under whatever name it was written by mistake. */
const SIGNS_OF_CONNECTION = new Set(['host', 'hostname', 'user', 'connectionString'])

/** Longer texts are not searched: the patterns below take quadratic time on hostile ones. */
const TEXT_MAX = 2000

/** Marks the prototype of `discreet` objects, which are looked into like plain ones. */
export const PRINTS_REDACTED = Symbol('sherd.prints-redacted')

/** Deeper than any configuration: what lies below is left out rather than followed for ever. */
const DEPTH_MAX = 32

/**
 * A copy of a value that may hold a configuration, fit to be printed.
 *
 * Passwords in URLs and in `password=…` texts, and the values of keys that name a secret (`password`, `secret`,
 * `token`, `ssl.key`, …) are replaced by `[redacted]`. Of a `connection` only a URL without its password and the
 * settings that are harmless under every driver are left. When in doubt it hides too much.
 */
export function redact(value: unknown): unknown {
  return redactAt(value, '', 0)
}

/** The same for a value that is known to be a connection. */
export function redactConnection(value: unknown): unknown {
  return redactAt(value, 'connection', 0)
}

/** The text without the passwords in it. */
export function redactText(text: string): string {
  if (text.length > TEXT_MAX) return `[text of ${text.length} characters]`
  return text.replace(URL_PASSWORD, `$1$2:${REDACTED}@`).replace(NAMED_SECRET, `$1${REDACTED}`)
}

function redactAt(value: unknown, key: string, depth: number): unknown {
  if (value === null || value === undefined || typeof value === 'boolean') return value
  if (SECRET_KEY.test(key)) return REDACTED
  if (key === 'connection' && !isObject(value) && typeof value !== 'function') return redactAddress(value)
  if (typeof value === 'string') return redactText(value)
  if (typeof value === 'function') return '[function]'
  if (!isObject(value)) return typeof value === 'bigint' ? value.toString() : value
  if (depth >= DEPTH_MAX) return '[…]'
  if (Array.isArray(value)) return value.map((item) => redactAt(item, key, depth + 1))
  if (!(value instanceof Map) && !isRecord(value)) return `[${value.constructor?.name || 'object'}]`
  const entries: [unknown, unknown][] = value instanceof Map ? [...value] : Object.entries(value)
  const isConnection = key === 'connection' || entries.some(([name]) => SIGNS_OF_CONNECTION.has(String(name)))
  return Object.fromEntries(
    entries.map(([name, item]) => {
      const isShown = !isConnection || HARMLESS_SETTINGS.includes(String(name))
      return [String(name), isShown ? redactAt(item, String(name), depth + 1) : REDACTED]
    }),
  )
}

/** A connection URL without its password; anything that cannot be read as a URL disappears whole. */
function redactAddress(value: unknown): string {
  if (typeof value !== 'string' || !URL.canParse(value) || !value.includes('://')) return REDACTED
  return redactText(value)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** Plain objects, and those that print themselves redacted; instances of other classes are not looked into. */
function isRecord(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype || PRINTS_REDACTED in value
}
