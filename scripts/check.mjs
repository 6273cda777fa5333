// `npm run check`: what is checked beside the tests. Arguments choose checks by name; none means all.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { summary } from './lib/counts.mjs'
import { runInstalled } from './lib/installed.mjs'
import { packageFolders, readJson, root } from './lib/root.mjs'
import { run, turbo } from './lib/run.mjs'

/** Each resolves to an exit code. @type {Record<string, () => Promise<number>>} */
const checks = {
  types: () => turbo('typecheck', '--continue', '--output-logs=errors-only'),
  format: () => run('@biomejs/biome', ['check', '--error-on-warnings', '.'], { bin: 'biome' }),
  layers: () => run('dependency-cruiser', ['packages', 'examples', 'benchmarks'], { bin: 'depcruise' }),
  build: () => turbo('build', '--continue', '--output-logs=errors-only'),
  packages: checkPackages,
}

/** Looks at the packages as users will get them: packed. */
async function checkPackages() {
  const folder = mkdtempSync(path.join(tmpdir(), 'packed-'))
  try {
    for (const published of packageFolders().filter(isPublished)) {
      const code = await run('pnpm', ['pack', '--pack-destination', folder], {
        cwd: path.join(root, published),
      })
      if (code !== 0) return code
    }
    let worst = 0
    for (const file of readdirSync(folder)) {
      const tarball = path.join(folder, file)
      // The profile leaves out Node 10, which knows no `exports`.
      const codes = [
        await run('publint', ['run', tarball, '--strict']),
        await run('@arethetypeswrong/cli', [tarball, '--profile', 'node16'], { bin: 'attw' }),
      ]
      worst = Math.max(worst, ...codes)
    }
    const tarballs = readdirSync(folder)
    const faults = runInstalled((name) => {
      const prefix = `${name.replace('@', '').replace('/', '-')}-`
      return path.join(
        folder,
        tarballs.find((file) => file.startsWith(prefix)),
      )
    })
    for (const fault of faults) console.error(fault)
    return faults.length > 0 ? 1 : worst
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function isPublished(folder) {
  return readJson(path.join(folder, 'package.json')).private !== true
}

const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(checks)
const unknown = chosen.filter((name) => !Object.hasOwn(checks, name))
if (unknown.length > 0) {
  console.error(`No such check: ${unknown.join(', ')}. There are: ${Object.keys(checks).join(', ')}.`)
  process.exit(1)
}

const failed = []
for (const name of chosen) {
  console.log(`\n── ${name}`)
  if ((await checks[name]()) !== 0) failed.push(name)
}
if (failed.length > 0) console.error(`\nFailed: ${failed.join(', ')}`)
console.log(`\n${summary({ passed: chosen.length - failed.length, failed: failed.length, skipped: 0 })}`)
process.exitCode = failed.length > 0 ? 1 : 0
