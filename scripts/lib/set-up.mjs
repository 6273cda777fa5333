// What a fresh clone needs before anything else runs. Until the dependencies are installed this may use
// nothing but Node itself.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { readJson, root } from './root.mjs'

const OUTPUT_AFTER_MS = 30_000

/**
 * @param {(title: string) => void} announce
 */
export async function setUp(announce) {
  announce('Checking Node.js')
  checkNodeVersion()
  announce('Installing dependencies (pnpm)')
  if (isInstalled()) console.log('      up to date')
  else await install()
  process.env.PATH = `${path.join(root, 'node_modules', '.bin')}${path.delimiter}${process.env.PATH}`
}

function checkNodeVersion() {
  const { engines } = readJson('package.json')
  const [major, minor] = engines.node.match(/\d+/g).map(Number)
  const [ownMajor, ownMinor] = process.versions.node.split('.').map(Number)
  if (ownMajor > major || (ownMajor === major && ownMinor >= minor)) return
  console.error(`Sherd needs Node.js ${engines.node}; this is ${process.version} (${process.execPath}).`)
  process.exit(1)
}

// Of the lockfile, and of the Node version for which native packages were chosen.
function fingerprint() {
  const lockfile = readFileSync(path.join(root, 'pnpm-lock.yaml'))
  return createHash('sha256').update(lockfile).update(`${process.platform} ${process.arch}`).digest('hex')
}

const stamp = path.join(root, 'node_modules', '.installed')

function isInstalled() {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint()
}

async function install() {
  const { packageManager } = readJson('package.json')
  const args = ['--yes', packageManager, 'install', '--frozen-lockfile']
  const { code, output } = await runQuietly('npx', args)
  if (code !== 0) {
    process.stderr.write(output)
    console.error('\nThe dependencies could not be installed; see the output above.')
    process.exit(1)
  }
  writeFileSync(stamp, fingerprint())
}

/**
 * Keeps the output to itself unless the command takes long, when it becomes the sign of progress.
 * @returns {Promise<{ code: number, output: string }>} with the output that has not been shown
 */
function runQuietly(command, args) {
  return new Promise((resolve) => {
    let output = ''
    let show = (chunk) => {
      output += chunk
    }
    const timer = setTimeout(() => {
      process.stdout.write(output)
      output = ''
      show = (chunk) => process.stdout.write(chunk)
    }, OUTPUT_AFTER_MS)
    const end = (code) => {
      clearTimeout(timer)
      resolve({ code, output })
    }
    // On Windows npx is a batch file, which only a shell can run.
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
    })
    child.stdout.on('data', (chunk) => show(chunk))
    child.stderr.on('data', (chunk) => show(chunk))
    child.once('error', (error) => {
      show(`${error.message}\n`)
      end(1)
    })
    child.once('close', (code) => end(code ?? 1))
  })
}
