/** What {@link ResourcePoolOptions.create} is told beside its index. */
export interface CreateContext {
  /** Aborts when the attempt is given up: nobody wants what comes of it any more. */
  readonly signal: AbortSignal
  /** To be called when the resource dies by itself: it is lent to nobody again, and closed once it is given back. */
  readonly lost: () => void
}

export interface DestroyContext {
  readonly index: number
  /** At once, without finishing what it has begun: its user did not come back in time, or nothing can be finished. */
  readonly force: boolean
}

/**
 * How resources are made, checked and destroyed, and how many there are. `T` is a resource, `X` what `begin` returns.
 *
 * | hook | is called | when it fails |
 * | --- | --- | --- |
 * | `create` | before a caller who finds none free, up to `size` times | those who wait get ResourceUnavailableError; tried again after a pause |
 * | `validate` | before a resource is lent that has rested for `validateAfterIdleMs`, and after an error of its user | it is destroyed, another one is made |
 * | `begin` | before the function of a transaction | it is destroyed; the caller gets the error |
 * | `commit` | after it, when it has succeeded | rolled back; the caller gets the error |
 * | `rollback` | after it, when it has failed | it is destroyed; the caller gets the first error |
 * | `destroy` | once for each that was created, when nobody has it | a warning of the process; it counts as gone |
 */
export interface ResourcePoolOptions<T, X = unknown> {
  /** As messages and events name the pool. @default 'resources' */
  readonly name?: string
  /** How many resources there may be. A whole number from 1 on. @default 5 */
  readonly size?: number
  /** How long a caller waits for one, in milliseconds. @default 5000 */
  readonly timeoutMs?: number
  /**
   * Makes a resource. `index` is its place in the pool, from 0 to `size` - 1: no other resource of the pool has it as long
   * as anything of this one is left, and the one that is made in its place gets it again. Called when somebody needs it,
   * outside of every request's async context.
   */
  create(index: number, context: CreateContext): T | PromiseLike<T>
  /** Lets go of it. @default nothing is to be done */
  destroy?(resource: T, context: DestroyContext): unknown
  /** Whether it can still be used. @default true */
  validate?(resource: T): boolean | PromiseLike<boolean>
  /** Begins a transaction; what it returns is handed to the function, to `commit` and to `rollback`. */
  begin?(resource: T): X | PromiseLike<X>
  commit?(resource: T, transaction: X): unknown
  rollback?(resource: T, transaction: X): unknown
  /** How long `create` may take, in milliseconds. @default 10000 */
  readonly createTimeoutMs?: number
  /** How long `validate` may take, in milliseconds; then the answer is no. @default 1000 */
  readonly validateTimeoutMs?: number
  /** How long a resource may rest without being validated before it is lent, in milliseconds; null for ever. @default 5000 */
  readonly validateAfterIdleMs?: number | null
  /** After how long a resource that nobody needs is destroyed, in milliseconds; null for never. @default null */
  readonly idleTimeoutMs?: number | null
  /** How long the pool waits for `destroy`, in milliseconds. @default 10000 */
  readonly destroyTimeoutMs?: number
  /** How many callers may wait; one more is refused at once. @default 1000 */
  readonly maxWaiting?: number
  /** From when on a resource that is held is reported as leaked, in milliseconds; null for never. @default 30000 */
  readonly leakThresholdMs?: number | null
}

type Numbers =
  | 'size'
  | 'timeoutMs'
  | 'createTimeoutMs'
  | 'validateTimeoutMs'
  | 'validateAfterIdleMs'
  | 'idleTimeoutMs'
  | 'destroyTimeoutMs'
  | 'maxWaiting'
  | 'leakThresholdMs'

/** All of them, known to make sense. */
export type ResolvedOptions<T, X> = ResourcePoolOptions<T, X> &
  Required<Pick<ResourcePoolOptions<T, X>, Numbers | 'name'>>

const DEFAULTS = {
  name: 'resources',
  size: 5,
  timeoutMs: 5000,
  createTimeoutMs: 10_000,
  validateTimeoutMs: 1000,
  validateAfterIdleMs: 5000,
  idleTimeoutMs: null,
  destroyTimeoutMs: 10_000,
  maxWaiting: 1000,
  leakThresholdMs: 30_000,
} as const

const HOOKS = ['create', 'destroy', 'validate', 'begin', 'commit', 'rollback'] as const
const NULLABLE: ReadonlySet<string> = new Set(['validateAfterIdleMs', 'idleTimeoutMs', 'leakThresholdMs'])

/** @throws TypeError with what is wrong */
export function resolveOptions<T, X>(options: ResourcePoolOptions<T, X>): ResolvedOptions<T, X> {
  const given: Partial<Record<string, unknown>> = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  )
  for (const key of Object.keys(given)) {
    if (!(key in DEFAULTS) && !HOOKS.some((hook) => hook === key))
      throw new TypeError(`There is no option "${key}" of a resource pool.`)
  }
  for (const hook of HOOKS) {
    if (given[hook] !== undefined && typeof given[hook] !== 'function')
      throw new TypeError(`${hook} of a resource pool must be a function.`)
  }
  if (given['create'] === undefined) throw new TypeError('A resource pool needs create(index).')
  const { begin, commit, rollback } = given
  if ([begin, commit, rollback].some(Boolean) && !(begin && commit && rollback))
    throw new TypeError('A resource pool with transactions needs all of begin, commit and rollback.')
  const all = { ...DEFAULTS, ...given } as ResolvedOptions<T, X>
  if (typeof all.name !== 'string') throw new TypeError('name of a resource pool must be a string.')
  for (const [key, fallback] of Object.entries(DEFAULTS)) {
    if (key !== 'name') checkNumber(key, Reflect.get(all, key), fallback)
  }
  return bound(options, all)
}

/** Hooks may be methods of the object that they were given in. */
function bound<T, X>(options: ResourcePoolOptions<T, X>, all: ResolvedOptions<T, X>): ResolvedOptions<T, X> {
  const hooks = HOOKS.filter((hook) => all[hook] !== undefined)
  return Object.freeze({
    ...all,
    ...Object.fromEntries(hooks.map((hook) => [hook, (all[hook] as () => unknown).bind(options)])),
  })
}

function checkNumber(key: string, value: unknown, fallback: unknown): void {
  if (value === null && NULLABLE.has(key)) return
  const least = key === 'size' || key.endsWith('Ms') ? 1 : 0
  const isWhole = Number.isSafeInteger(value) && (value as number) >= least
  if (isWhole) return
  const off = NULLABLE.has(key) ? ', or null' : ''
  throw new TypeError(
    `${key} of a resource pool must be a whole number from ${least} on${off} (${fallback} by default), not ${String(value)}.`,
  )
}
