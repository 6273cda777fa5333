import { findProgram } from './find-program.mjs'

/** The server of the Redis on this machine, or of Valkey, which does the same. @returns {string | undefined} */
export function redisProgram() {
  return findProgram('redis-server') ?? findProgram('valkey-server')
}
