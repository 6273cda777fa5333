import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/**
 * Another version of Node, from npm.
 * @param {string} version such as `24`
 * @returns {string | undefined} the program; undefined where it cannot be downloaded
 */
export function downloadNode(version) {
  const args = ['--yes', `node@${version}`, '--print', 'process.execPath']
  // On Windows npx is a batch file, which only a shell can run.
  const { status, stdout } = spawnSync('npx', args, {
    encoding: 'utf8',
    shell: process.platform === 'win32',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const program = stdout?.trim()
  return status === 0 && existsSync(program) ? program : undefined
}
