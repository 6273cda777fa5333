import type { Knex } from 'knex'
import type { Binding } from '../pool/binding.ts'
import { withRawHandle } from '../pool/raw-handle.ts'
import { insideOf, isOn } from './inside-of.ts'
import { missingScopeError } from './missing-scope-error.ts'
import { OpenScope } from './open-scope.ts'
import type { Scope, ScopeToken } from './scope.ts'
import { bindingStore, currentBinding, runBound, sharedStore } from './scope-storage.ts'

// What can be done with the scope that the code runs in, whichever Sharding opened it. Documented on `ScopeApi`.

export function currentScope(): Scope | undefined {
  return currentBinding()?.rules.value
}

export function requireScope(): Scope {
  return requireBinding().rules.value
}

export function scopeSignal(): AbortSignal {
  return requireBinding().rules.life.signal
}

export function bindScope<F extends (...args: never[]) => unknown>(fn: F): F {
  const binding = currentBinding()
  return function (this: unknown, ...args: never[]) {
    return runBound(binding, () => Reflect.apply(fn, this, args))
  } as F
}

export function unlocked<T>(fn: () => T): T {
  const binding = requireBinding()
  const { value, endpoint, api, hasReplicas } = binding.rules
  const open = new OpenScope(Object.freeze({ ...value, locked: false }), endpoint, api, binding, {
    hasReplicas,
  })
  return runBound(binding.withRules(open), fn)
}

export function captureScope(): ScopeToken {
  const { shard, tenant, role, preventWrites, locked } = requireScope()
  return { shard, ...(tenant === undefined ? {} : { tenant }), role, preventWrites, locked }
}

export async function releaseConnection(): Promise<void> {
  const { lease, lane, rules } = requireBinding()
  await Promise.all([lease.release(lane), rules.knownSharedPlaces?.release()])
}

export async function withTransaction<T>(
  trx: Knex.Transaction,
  fn: () => T | PromiseLike<T>,
): Promise<Awaited<T>> {
  const current = requireBinding()
  const shared = sharedStore.current() as Binding<OpenScope> | undefined
  if (shared !== undefined && shared !== current && isOn(trx, shared)) {
    return await runBound(
      current.withBeside(insideOf(trx, shared).withRules(shared.rules)),
      async () => await fn(),
    )
  }
  const inside = insideOf(trx, current)
  // The place of the transaction, and the rules of the code that goes there.
  return await runBound(inside.withRules(current.rules), async () => await fn())
}

export async function withRawConnection<T, C = unknown>(fn: (connection: C) => Promise<T>): Promise<T> {
  return withRawHandle(requireBinding(), bindingStore, fn)
}

function requireBinding(): Binding<OpenScope> {
  const binding = currentBinding()
  if (binding === undefined) throw missingScopeError()
  return binding
}
