import { AsyncLocalStorage } from 'node:async_hooks'
import { SHARED } from '../config/shard-name.ts'
import type { Binding, BindingStore } from '../pool/binding.ts'
import type { OpenScope } from './open-scope.ts'

const KEY = Symbol.for('sherd.scope-storage')

type Storage = AsyncLocalStorage<Binding<OpenScope> | undefined>

/** The process's one storage: anchored globally, so that two copies of this package see the same scopes. */
const anchor = globalThis as { [KEY]?: Storage }
anchor[KEY] ??= new AsyncLocalStorage()
const storage: Storage = anchor[KEY]

/** Where code is connected now: the scope, and the place inside it, such as a transaction. */
export function currentBinding(): Binding<OpenScope> | undefined {
  return storage.getStore()
}

/** Runs `fn` bound there; with undefined, outside of every scope. */
export function runBound<T>(binding: Binding<OpenScope> | undefined, fn: () => T): T {
  return storage.run(binding, fn)
}

export const bindingStore: BindingStore = {
  current: currentBinding,
  run: (binding, fn) => runBound(binding as Binding<OpenScope>, fn),
}

/** The same for what runs on the shared database, where code is beside its own shard. */
export const sharedStore: BindingStore = {
  current: () => {
    const binding = currentBinding()
    if (binding === undefined || binding.rules.value.shard === SHARED) return binding
    return binding.beside ?? binding.rules.knownSharedPlaces?.find(binding.rules.value)
  },
  run: (place, fn) => {
    const binding = currentBinding()
    const isThere = binding === undefined || binding.rules.value.shard === SHARED
    return runBound(
      isThere ? (place as Binding<OpenScope>) : binding.withBeside(place as Binding<OpenScope>),
      fn,
    )
  },
}
