import { accessSync, constants } from 'node:fs'
import path from 'node:path'

/** @typedef {{ server: string, install: string }} Programs */

/** Where distributions put servers, which is often not on a user's PATH. */
const FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/opt/mariadb/bin']

/** The programs of the MariaDB on this machine; undefined when there is none. @returns {Programs | undefined} */
export function mariadbPrograms() {
  const server = find('mariadbd')
  const install = find('mariadb-install-db')
  return server === undefined || install === undefined ? undefined : { server, install }
}

/** @param {string} name */
function find(name) {
  const folders = [...(process.env['PATH'] ?? '').split(path.delimiter), ...FOLDERS]
  return folders.map((folder) => path.join(folder, name)).find(isExecutable)
}

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
