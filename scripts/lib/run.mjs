import { spawn } from 'node:child_process'
import path from 'node:path'
import { mariadbPrograms } from '../../packages/local-servers/src/supervisor/mariadb-programs.mjs'
import { redisProgram } from '../../packages/local-servers/src/supervisor/redis-program.mjs'
import { readJson, root } from './root.mjs'

/**
 * Runs a program of an installed npm package to its end, with its output on ours. Its script is run by this Node
 * itself: the links in node_modules/.bin are batch files on Windows.
 * @param {string} packageName
 * @param {string[]} args
 * @param {{ bin?: string, cwd?: string }} [options]
 * @returns {Promise<number>} the exit code
 */
export function run(packageName, args, { bin = packageName, cwd = root } = {}) {
  const child = spawn(process.execPath, [script(packageName, bin), ...args], { cwd, stdio: 'inherit' })
  const forward = (signal) => child.kill(signal)
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, forward)
  return new Promise((resolve) => {
    child.once('error', (error) => {
      console.error(error.message)
      resolve(1)
    })
    child.once('exit', (code) => {
      for (const signal of signals) process.off(signal, forward)
      resolve(code ?? 1)
    })
  })
}

/** @param {string[]} args */
export function turbo(...args) {
  process.env.TURBO_TELEMETRY_DISABLED = '1'
  process.env.TURBO_NO_UPDATE_NOTIFIER = '1'
  process.env.SHERD_NODE_VERSION = process.version
  process.env.SHERD_OPTIONAL_SERVERS = optionalServers().join(' ')
  return run('turbo', ['run', ...args])
}

/** Those on this machine that suites use where they are, and else skip. */
function optionalServers() {
  const programs = { mariadb: mariadbPrograms(), redis: redisProgram() }
  return Object.keys(programs).filter((name) => programs[name] !== undefined)
}

function script(packageName, bin) {
  const folder = path.join('node_modules', packageName)
  const manifest = readJson(path.join(folder, 'package.json'))
  return path.join(root, folder, typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[bin])
}
