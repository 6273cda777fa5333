// Owns one database server on behalf of another process, its owner, and outlives it for as long as it
// takes to clean up. The owner cannot promise that itself: nothing of it runs after SIGKILL. The end of
// the IPC channel is the one signal that every kind of death sends.
// The one argument says which kind of server it is.
import { MariadbServer } from './mariadb-server.mjs'
import { PostgresServer } from './postgres-server.mjs'
import { RedisServer } from './redis-server.mjs'

/**
 * @typedef {'postgres' | 'mariadb' | 'redis'} Kind
 * @typedef {{ password: string, settings: Record<string, string>, backupLabel?: string }} StartOptions
 * @typedef {{ data: string }} CopyOptions
 * @typedef {'fast' | 'immediate'} StopMode
 * @typedef {{ pid: number, port: number, folder: string }} Running
 * @typedef {{ id: number, method: 'copy' | 'start' | 'stop' | 'halt' | 'restart' | 'kill', argument?: any }} Request
 * @typedef {{ id: number, result?: Running, error?: string }} Reply
 */

const servers = { postgres: PostgresServer, mariadb: MariadbServer, redis: RedisServer }
const server = new servers[/** @type {Kind} */ (process.argv[2])]()

/** One operation at a time: a cleanup that interrupted a start would race with it. @type {Promise<unknown>} */
let last = Promise.resolve()

/** @template T @param {() => T | Promise<T>} operation @returns {Promise<T>} */
function enqueue(operation) {
  const result = last.then(operation)
  last = result.catch(() => {})
  return result
}

/** @param {Request['method']} method @returns {(argument: any) => Promise<any>} */
function operation(method) {
  // Only PostgreSQL can be copied.
  return /** @type {PostgresServer} */ (server)[method].bind(server)
}

function cleanUpAndExit() {
  enqueue(() => server.remove()).then(
    () => process.exit(0),
    () => process.exit(1),
  )
}

process.on('message', async (/** @type {Request} */ { id, method, argument }) => {
  /** @type {Reply} */
  let reply
  try {
    const result = await enqueue(/** @returns {Promise<any>} */ () => operation(method)(argument))
    reply = { id, result }
  } catch (error) {
    reply = { id, error: error instanceof Error ? error.message : String(error) }
  }
  // The owner may have left meanwhile.
  if (process.connected) process.send?.(reply, () => {})
})

process.once('disconnect', cleanUpAndExit)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, cleanUpAndExit)
