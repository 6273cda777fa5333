import { AsyncLocalStorage } from 'node:async_hooks'

/**
 * Runs `fn` in the async context in which this module was loaded, outside every request.
 *
 * A socket or a timer keeps the context of whoever made it for as long as it lives: made inside a request, it
 * would carry that request's stores into every later one (https://github.com/brianc/node-pg-pool/issues/108).
 */
export const runInRootContext: <T>(fn: () => T) => T = AsyncLocalStorage.snapshot()
