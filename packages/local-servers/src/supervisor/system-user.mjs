import { execFileSync, spawnSync } from 'node:child_process'

/** @typedef {{ uid: number, gid: number }} User */

/**
 * Whom a server runs as that refuses to run as root: the system user of that name, created if need be. Undefined when
 * this process is not root.
 * @param {string} name @returns {User | undefined}
 */
export function unprivilegedUser(name) {
  if (process.getuid?.() !== 0) return undefined
  const existing = systemUser(name)
  if (existing !== undefined) return existing
  spawnSync('groupadd', ['--system', '--force', name])
  spawnSync('useradd', ['--system', '--gid', name, '--no-create-home', '--shell', '/usr/sbin/nologin', name])
  const created = systemUser(name)
  if (created !== undefined) return created
  throw new Error(
    `The server refuses to run as root, and no system user "${name}" could be created: use another user.`,
  )
}

/** @param {string} name @returns {User | undefined} */
function systemUser(name) {
  const id = (/** @type {string} */ flag) => Number(execFileSync('id', [flag, name], { stdio: 'pipe' }))
  try {
    return { uid: id('-u'), gid: id('-g') }
  } catch {
    return undefined
  }
}
