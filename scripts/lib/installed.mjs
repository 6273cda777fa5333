import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { readJson, root } from './root.mjs'

/** What the command has to print, with exit code 0. */
const RUNS = [
  { args: ['--version'], expected: readJson('packages/cli/package.json').version },
  { args: ['check'], expected: 'The sharding configuration is sound: 1 shard.' },
  { args: ['route', 'acme'], expected: 'shard_0' },
]

/**
 * Runs the command `sherd` in a project that has the packed packages, what they declare, knex and a driver, and nothing
 * else.
 * @param {(name: string) => string} tarballOf
 * @returns {string[]} what is wrong
 */
export function runInstalled(tarballOf) {
  const project = mkdtempSync(path.join(tmpdir(), 'installed-'))
  try {
    unpack(tarballOf('@sherd/core'), { from: 'packages/core', project, peers: ['knex', 'libsql'] })
    const { folder, bin } = unpack(tarballOf('@sherd/cli'), { from: 'packages/cli', project, peers: [] })
    const shards = path.join(project, 'config', 'shards')
    mkdirSync(shards, { recursive: true })
    writeFileSync(
      path.join(shards, 'shard_0.yaml'),
      'client: libsql\nconnection: ":memory:"\ntenants: [acme]\n',
    )
    return RUNS.flatMap(({ args, expected }) => {
      const program = [path.join(folder, bin.sherd), ...args]
      const { status, stdout, stderr } = spawnSync(process.execPath, program, {
        cwd: project,
        encoding: 'utf8',
        timeout: 60_000,
      })
      if (status === 0 && stdout === `${expected}\n` && stderr === '') return []
      return [`sherd ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`]
    })
  } finally {
    rmSync(project, { recursive: true, force: true })
  }
}

/** Puts a package where npm would, and links its dependencies from where the workspace has them. */
function unpack(tarball, { from, project, peers }) {
  const modules = path.join(project, 'node_modules')
  const { name } = readJson(path.join(from, 'package.json'))
  const folder = path.join(modules, name)
  mkdirSync(folder, { recursive: true })
  spawnSync('tar', ['-xzf', tarball, '--strip-components=1', '-C', folder], { stdio: 'inherit' })
  const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'))
  for (const dependency of [...Object.keys(manifest.dependencies), ...peers]) {
    // Ours are those that have been packed.
    if (dependency.startsWith('@sherd/')) continue
    symlinkSync(path.join(root, from, 'node_modules', dependency), path.join(modules, dependency), 'junction')
  }
  return { folder, bin: manifest.bin }
}
