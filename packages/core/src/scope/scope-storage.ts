import { AsyncLocalStorage } from 'node:async_hooks'
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
