import { chownSync, copyFileSync, mkdirSync, readdirSync } from 'node:fs'
import path from 'node:path'

/** What a base backup leaves out: https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-LOWLEVEL-BASE-BACKUP-DATA */
const LEFT_OUT = new Set(['postmaster.pid', 'postmaster.opts', 'pg_internal.init'])
const LEFT_EMPTY = new Set(
  'pg_wal pg_replslot pg_dynshmem pg_notify pg_serial pg_snapshots pg_stat_tmp pg_subtrans'.split(' '),
)

/** @typedef {import('./system-user.mjs').User | undefined} Owner */

/**
 * Copies the data folder of a server that runs and has been told so by pg_backup_start(): files may change and vanish
 * meanwhile. The write-ahead log is left to be streamed.
 * @param {string} from @param {string} to @param {Owner} owner
 */
export function copyDataFolder(from, to, owner) {
  makeFolder(to, owner)
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const { name } = entry
    if (LEFT_OUT.has(name) || name.startsWith('pgsql_tmp')) continue
    const [source, target] = [path.join(from, name), path.join(to, name)]
    if (LEFT_EMPTY.has(name)) makeFolder(target, owner)
    else if (entry.isDirectory()) copyDataFolder(source, target, owner)
    else copyFile(source, target, owner)
  }
}

/** @param {string} folder @param {Owner} owner */
function makeFolder(folder, owner) {
  // PostgreSQL refuses a folder that others may enter.
  mkdirSync(folder, { mode: 0o700 })
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid)
}

/** @param {string} from @param {string} to @param {Owner} owner */
function copyFile(from, to, owner) {
  try {
    copyFileSync(from, to)
  } catch (error) {
    // A table that was dropped meanwhile: the log tells the copy, too.
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return
    throw error
  }
  if (owner !== undefined) chownSync(to, owner.uid, owner.gid)
}
