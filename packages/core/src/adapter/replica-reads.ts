import { inspect } from 'node:util'
import type { ReadFromReplicasOptions, WriteStampStore } from './read-from-replicas.ts'
import { SignedStamps } from './signed-stamps.ts'

/** {@link ReadFromReplicasOptions} with every default filled in. */
export interface ReplicaReads<R> {
  readonly windowMs: number
  readonly isReading: (method: string) => boolean
  /** Undefined: replicas are read whatever was written. */
  readonly stamps: SignedStamps | WriteStampStore<R> | undefined
}

const SHORTEST_SECRET = 32
const DAY_MS = 24 * 60 * 60 * 1000
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/

/** Throws TypeError for what cannot be used, such as a secret that is missing. */
export function replicaReads<R>(
  option: boolean | ReadFromReplicasOptions<R> | undefined,
  env: NodeJS.ProcessEnv = process.env,
): ReplicaReads<R> | undefined {
  if (option === undefined || option === false) return undefined
  const options: ReadFromReplicasOptions<R> = option === true ? {} : option
  const { windowMs = 2000, methods = ['GET', 'HEAD'], store } = checked(options)
  const reading = new Set(methods.map((method) => method.toUpperCase()))
  return {
    windowMs,
    isReading: (method) => reading.has(method.toUpperCase()),
    stamps: windowMs === 0 ? undefined : (store ?? signedStamps(options, windowMs, env)),
  }
}

function signedStamps<R>(
  { secret, cookie = {}, header }: ReadFromReplicasOptions<R>,
  windowMs: number,
  env: NodeJS.ProcessEnv,
): SignedStamps {
  const secrets = [secret ?? env['SHERD_STAMP_SECRET']?.split(',').map((text) => text.trim()) ?? []].flat()
  if (secrets.length === 0) {
    throw new TypeError(
      'The option "readFromReplicas" needs a secret to sign with: set SHERD_STAMP_SECRET or readFromReplicas.secret, to ' +
        'the same in all processes (`openssl rand -base64 32` makes one), or give it a store.',
    )
  }
  for (const each of secrets) {
    if (typeof each !== 'string' || each.length < SHORTEST_SECRET)
      throw new TypeError(`A secret of "readFromReplicas" must have at least ${SHORTEST_SECRET} characters.`)
  }
  if (cookie === false && !header)
    throw new TypeError(
      'The option "readFromReplicas" needs a cookie, a header or a store: stamps have to be kept.',
    )
  return new SignedStamps({
    secrets,
    windowMs,
    cookie: cookie === false ? undefined : cookie,
    header: header === undefined || header === false ? undefined : header.toLowerCase(),
  })
}

const NAMES: ReadonlySet<string> = new Set([
  'windowMs',
  'secret',
  'methods',
  'cookie',
  'header',
  'store',
] satisfies (keyof ReadFromReplicasOptions<never>)[])

function checked<R>(options: ReadFromReplicasOptions<R>): ReadFromReplicasOptions<R> {
  const { windowMs, methods, cookie, header, store } = options
  for (const name of Object.keys(options)) {
    if (!NAMES.has(name)) refuse(name, `not there: there are ${[...NAMES].join(', ')}`)
  }
  if (windowMs !== undefined && !(Number.isFinite(windowMs) && windowMs >= 0 && windowMs <= DAY_MS))
    refuse('windowMs', 'a number of milliseconds, from 0 to a day', windowMs)
  if (methods !== undefined && !(Array.isArray(methods) && methods.every(isToken)))
    refuse('methods', 'a list of methods such as GET', methods)
  if (header !== undefined && header !== false && !isToken(header))
    refuse('header', 'the name of a header, or false', header)
  if (store !== undefined && !(isFunction(store?.lastWrite) && isFunction(store?.wrote)))
    refuse('store', 'an object with the functions lastWrite and wrote', store)
  if (cookie !== undefined && cookie !== false) checkCookie(cookie)
  return options
}

function checkCookie(cookie: NonNullable<Exclude<ReadFromReplicasOptions<never>['cookie'], false>>): void {
  if (typeof cookie !== 'object' || cookie === null) refuse('cookie', 'an object, or false', cookie)
  const { name, secure, sameSite, domain, path, ...others } = cookie
  for (const other of Object.keys(others))
    refuse(`cookie.${other}`, 'not there: there are name, secure, sameSite, domain, path')
  if (name !== undefined && !isToken(name)) refuse('cookie.name', 'the name of a cookie', name)
  if (secure !== undefined && secure !== 'auto' && typeof secure !== 'boolean')
    refuse('cookie.secure', "true, false or 'auto'", secure)
  if (sameSite !== undefined && !['Strict', 'Lax', 'None'].includes(sameSite))
    refuse('cookie.sameSite', "'Strict', 'Lax' or 'None'", sameSite)
  if (sameSite === 'None' && secure !== true)
    refuse('cookie.secure', "true where sameSite is 'None': browsers drop the cookie otherwise", secure)
  for (const [key, text] of Object.entries({ domain, path })) {
    // What ends an attribute would begin another.
    if (text !== undefined && !(typeof text === 'string' && /^[\x21-\x3a\x3c-\x7e]+$/.test(text)))
      refuse(`cookie.${key}`, 'a text without spaces and semicolons', text)
  }
}

function isToken(value: unknown): boolean {
  return typeof value === 'string' && TOKEN.test(value)
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}

function refuse(name: string, wanted: string, value?: unknown): never {
  const but = value === undefined ? '' : `, not ${inspect(value, { depth: 0, maxStringLength: 64 })}`
  throw new TypeError(`The option "readFromReplicas.${name}" must be ${wanted}${but}.`)
}
