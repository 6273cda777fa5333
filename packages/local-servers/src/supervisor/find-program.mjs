import { accessSync, constants } from 'node:fs'
import path from 'node:path'

/** Where distributions put servers, which is often not on a user's PATH. */
const FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin']

/**
 * A program of this machine; undefined when there is none of that name.
 * @param {string} name @param {readonly string[]} [furtherFolders] @returns {string | undefined}
 */
export function findProgram(name, furtherFolders = []) {
  const folders = [...(process.env['PATH'] ?? '').split(path.delimiter), ...FOLDERS, ...furtherFolders]
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
