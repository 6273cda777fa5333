import { findProgram } from './find-program.mjs'

/** @typedef {{ server: string, install: string }} Programs */

const FOLDERS = ['/opt/homebrew/opt/mariadb/bin']

/** The programs of the MariaDB on this machine; undefined when there is none. @returns {Programs | undefined} */
export function mariadbPrograms() {
  const server = findProgram('mariadbd', FOLDERS)
  const install = findProgram('mariadb-install-db', FOLDERS)
  return server === undefined || install === undefined ? undefined : { server, install }
}
