import type { AnyFunction } from './job-api.ts'

/**
 * Gives a wrapper the name and the number of parameters of what it wraps. Queues look at the latter: BullMQ makes a
 * signal only for processors that take three (`processorAcceptsSignal` in
 * https://github.com/taskforcesh/bullmq/blob/master/src/classes/worker.ts).
 */
export function withShapeOf<F extends AnyFunction>(
  wrapper: F,
  identify: AnyFunction,
  handler: AnyFunction,
): F {
  return Object.defineProperties(wrapper, {
    name: { value: handler.name, configurable: true },
    length: { value: Math.max(identify.length, handler.length), configurable: true },
  })
}
