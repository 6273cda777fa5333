import { bindScope, currentScope, type Scope } from '@sherd/core'
import { bindListeners } from './bind-listeners.ts'
import type { ClsNamespace } from './cls-namespace.ts'

export interface BridgeOptions {
  /**
   * Under which keys of the namespace parts of the scope are to be read.
   * @default { shard: 'shard', tenant: 'tenant', role: 'role' }
   */
  readonly keys?: Readonly<Partial<Record<'shard' | 'tenant' | 'role', string>>>
}

/** Runs a function in the scope that was current when it was made. */
type InScope = <T>(fn: () => T) => T

const BRIDGED = Symbol.for('sherd.cls-hooked.bridge')

const KEYS = { shard: 'shard', tenant: 'tenant', role: 'role' } as const

/**
 * Makes a namespace of cls-hooked and Sherd's scope agree.
 *
 * - `namespace.get('shard')`, `'tenant'`, `'role'` tell the current scope's; outside of scopes, what was set.
 * - Functions of `namespace.bind` and listeners of a bound emitter, which only cls-hooked has carried, run in the scope
 *   in which they were bound, or added.
 * - `namespace.set` of one of these keys to another value throws: a scope is entered with `connectedTo`.
 *
 * What else is in the namespace is left alone, and is there inside of Sherd's scopes as it is outside.
 *
 * @returns a function that takes the bridge down. Bridging the same namespace again changes nothing.
 */
export function bridgeNamespace(namespace: ClsNamespace, { keys = KEYS }: BridgeOptions = {}): () => void {
  const marked = namespace as ClsNamespace & { [BRIDGED]?: () => void }
  if (marked[BRIDGED] !== undefined) return marked[BRIDGED]

  const parts = new Map(Object.entries(keys).map(([part, key]) => [key, part as keyof Scope]))
  const original = {
    get: namespace.get,
    set: namespace.set,
    createContext: namespace.createContext,
    bind: namespace.bind,
    bindEmitter: namespace.bindEmitter,
  }
  /** Of contexts that were created in a scope. */
  const scopes = new WeakMap<object, InScope>()

  const overrides: ClsNamespace = {
    get(key) {
      const [scope, part] = [currentScope(), parts.get(key)]
      return scope === undefined || part === undefined ? original.get.call(namespace, key) : scope[part]
    },

    set(key, value) {
      const [scope, part] = [currentScope(), parts.get(key)]
      if (scope !== undefined && part !== undefined && String(value) !== String(scope[part])) {
        throw new TypeError(
          `namespace.set(${JSON.stringify(key)}, …) does not lead to another ${part}: enter a scope with connectedTo().`,
        )
      }
      return original.set.call(namespace, key, value)
    },

    createContext() {
      const context = original.createContext.call(namespace)
      if (currentScope() !== undefined) scopes.set(context, captureScope())
      return context
    },

    bind(fn, context) {
      // Without a context it is the one that is active now, as the scope is.
      const inScope = context === undefined || context === null ? captureIfAny() : scopes.get(context)
      return original.bind.call(
        namespace,
        inScope === undefined ? fn : runIn(inScope, fn),
        context,
      ) as typeof fn
    },

    bindEmitter(emitter) {
      original.bindEmitter.call(namespace, emitter)
      bindListeners(emitter)
    },
  }

  const before = Object.fromEntries(
    Object.keys(overrides).map((name) => [name, Object.getOwnPropertyDescriptor(namespace, name)]),
  )
  Object.assign(namespace, overrides)
  const restore = () => {
    for (const [name, descriptor] of Object.entries(before)) {
      if (descriptor === undefined) Reflect.deleteProperty(namespace, name)
      else Object.defineProperty(namespace, name, descriptor)
    }
    delete marked[BRIDGED]
  }
  Object.defineProperty(marked, BRIDGED, { value: restore, configurable: true })
  return restore
}

function captureScope(): InScope {
  return bindScope(((fn: () => unknown) => fn()) as never) as InScope
}

function captureIfAny(): InScope | undefined {
  return currentScope() === undefined ? undefined : captureScope()
}

function runIn<F extends (...args: never[]) => unknown>(inScope: InScope, fn: F): F {
  return function (this: unknown, ...args: never[]) {
    return inScope(() => Reflect.apply(fn, this, args))
  } as F
}
