import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { root } from '../lib/root.mjs'

/**
 * @typedef {object} Failure
 * @property {string} name with those of the suites around in front
 * @property {string} title the same without them
 */

/** Without its guard a test often waits in vain. */
const TEST_TIMEOUT_MS = 10_000

/** The sources and tests once more, in a temporary folder, with the dependencies that are installed here. */
export class WorkingCopy {
  #folder = mkdtempSync(path.join(tmpdir(), 'sherd-sabotage-'))

  #env

  /** @param {Record<string, string>} env what its test runs find in their environment */
  constructor(env) {
    this.#env = env
    for (const entry of ['package.json', 'tsconfig.base.json', 'vitest.shared.ts', 'packages', 'docs']) {
      cpSync(path.join(root, entry), path.join(this.#folder, entry), {
        recursive: true,
        verbatimSymlinks: true,
        filter: (source) => !/[\\/](?:dist|\.turbo)$/.test(source),
      })
    }
    symlinkSync(path.join(root, 'node_modules'), path.join(this.#folder, 'node_modules'), 'junction')
  }

  /** @returns {(() => void) | undefined} undoes the change; undefined if `find` does not stand there exactly once */
  change(file, find, replace) {
    const target = path.join(this.#folder, file)
    const source = readFileSync(target, 'utf8')
    if (source.split(find).length !== 2) return undefined
    writeFileSync(
      target,
      source.replace(find, () => replace),
    )
    return () => writeFileSync(target, source)
  }

  /**
   * @param {string[]} tests files, relative to the repository
   * @param {RegExp} pattern the tests of theirs that count, by name; the first that fails is enough
   * @returns {Promise<Failure[]>} the tests that fail; the file, when it fails outside of any test
   */
  async failures(tests, pattern) {
    const failed = []
    for (const { folder, project, files } of runsOf(tests)) {
      const report = await this.#run(folder, project, files, pattern)
      for (const { name, status, assertionResults } of report.testResults) {
        const tests = assertionResults.filter((test) => test.status === 'failed')
        if (status === 'failed' && tests.length === 0) failed.push({ name, title: name })
        else failed.push(...tests.map(({ fullName, title }) => ({ name: fullName, title })))
      }
    }
    return failed
  }

  async #run(folder, project, files, pattern) {
    const cwd = path.join(this.#folder, folder)
    const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs')
    const report = path.join(cwd, 'test-results.json')
    rmSync(report, { force: true })
    // Vitest's pattern is for names with those of the suites around in front.
    const named = ['--testNamePattern', pattern.source.replaceAll('^', String.raw`(?:^|\s)`)]
    const limits = ['--typecheck.enabled=false', '--bail=1', `--testTimeout=${TEST_TIMEOUT_MS}`]
    // All but the file that was changed has been compiled before.
    const cache = path.join(this.#folder, 'compiled')
    const compiled = ['--experimental.fsModuleCache', `--experimental.fsModuleCachePath=${cache}`]
    const args = [vitest, 'run', ...limits, ...compiled, ...named, ...project, ...files]
    const child = spawn(process.execPath, args, {
      cwd,
      env: { ...process.env, ...this.#env },
      stdio: 'ignore',
    })
    await new Promise((resolve) => child.once('exit', resolve))
    return JSON.parse(readFileSync(report, 'utf8'))
  }

  remove() {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** `packages/core/test/x.test.ts` → `test/x.test.ts` in `packages/core`, on the database that it is about. */
function runsOf(tests) {
  const runs = new Map()
  for (const test of tests) {
    const [parent, name, ...rest] = test.split('/')
    const folder = `${parent}/${name}`
    const project = folder === 'packages/core' ? [`--project=${databaseOf(rest.join('/'))}`] : []
    const key = [folder, ...project].join(' ')
    if (!runs.has(key)) runs.set(key, { folder, project, files: [] })
    runs.get(key).files.push(rest.join('/'))
  }
  return runs.values()
}

function databaseOf(file) {
  if (file.startsWith('test/engines/mariadb')) return 'MariaDB'
  return file.startsWith('test/engines/sqlite') ? 'SQLite (libsql)' : 'PostgreSQL'
}
