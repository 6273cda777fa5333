import type { EventEmitter } from 'node:events'

type Callback = (...args: never[]) => unknown

/** What the bridge needs of a namespace of cls-hooked, in the words of cls-hooked 4.2. */
export interface ClsNamespace {
  get(key: string): unknown
  set(key: string, value: never): unknown
  createContext(): object
  bind<F extends Callback>(fn: F, context?: object): F
  bindEmitter(emitter: EventEmitter): void
}
