import type { EventEmitter } from 'node:events'
import { bindScope, currentScope } from '@sherd/core'

type Listener = (...args: unknown[]) => void
/** Node finds a listener that it was given inside of another by this property, for `off()` and `listeners()`. */
type Wrapper = Listener & { listener?: Listener }
type Add = (event: string | symbol, listener: Listener) => EventEmitter

const BOUND = Symbol.for('sherd.cls-hooked.emitter')

/**
 * Has the listeners that are added to an emitter from now on run in the scopes in which they are added; those that are
 * added outside of scopes run where they are emitted.
 *
 * cls-hooked remembers the context on the listener itself: of a function that two requests share, the last one's would
 * count. Each addition is a function of its own here.
 */
export function bindListeners(emitter: EventEmitter): void {
  if (Object.hasOwn(emitter, BOUND)) return
  Object.defineProperty(emitter, BOUND, { value: true })

  const { on, addListener, once } = emitter
  const adding = (add: Add): Add =>
    function (this: EventEmitter, event, listener) {
      return Reflect.apply(add, this, [event, isBindable(listener) ? bound(listener) : listener])
    }
  override(emitter, 'on', adding(on))
  override(emitter, 'addListener', adding(addListener))
  override(emitter, 'once', function (this: EventEmitter, event, listener) {
    if (!isBindable(listener)) return Reflect.apply(once, this, [event, listener])
    // Node's own `once` would look for its wrapper, and not find it inside of ours.
    const only: Wrapper = bindScope((...args: unknown[]) => {
      this.removeListener(event, only)
      Reflect.apply(listener, this, args)
    })
    only.listener = listener
    return Reflect.apply(on, this, [event, only])
  })
}

function isBindable(listener: unknown): listener is Listener {
  return typeof listener === 'function' && currentScope() !== undefined
}

function bound(listener: Wrapper): Wrapper {
  const wrapper: Wrapper = bindScope(listener)
  wrapper.listener = listener.listener ?? listener
  return wrapper
}

/** Marked as cls-hooked marks its own: it would wrap what it takes for a stream's replacement of its method. */
function override(emitter: EventEmitter, name: 'on' | 'addListener' | 'once', method: Add): void {
  Object.defineProperty(method, '__wrapped', { value: true })
  Object.defineProperty(emitter, name, { value: method, configurable: true, writable: true })
}
