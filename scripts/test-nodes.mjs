// `npm run test:nodes`: what every framework has to do, on other versions of Node than this one, each from npm.
// Arguments choose other versions. One that cannot be downloaded is skipped.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { countReport, summary } from './lib/counts.mjs'
import { downloadNode } from './lib/download-node.mjs'
import { root } from './lib/root.mjs'
import { setUp } from './lib/set-up.mjs'
import { steps } from './lib/steps.mjs'

const PACKAGES = ['packages/express', 'packages/fastify']
const FILES = ['test/contract', 'test/shutdown']

const asked = process.argv.slice(2)
const versions = asked.length > 0 ? asked : ['24', '26']
const announce = steps(2 + versions.length)
await setUp(announce)

const counts = { passed: 0, failed: 0, skipped: 0 }
for (const version of versions) {
  const node = downloadNode(version)
  announce(`Running ${PACKAGES.join(' and ')} on Node ${version}`)
  if (node === undefined) {
    console.log(`      Node ${version} could not be downloaded: skipped`)
    counts.skipped++
    continue
  }
  for (const folder of PACKAGES) {
    const { passed, failed, skipped } = await test(node, folder)
    counts.passed += passed
    counts.failed += failed
    counts.skipped += skipped
  }
}
console.log(`\n${summary(counts)}`)
process.exitCode = counts.failed > 0 ? 1 : 0

async function test(node, folder) {
  const reports = mkdtempSync(path.join(tmpdir(), 'sherd-nodes-'))
  const report = path.join(reports, 'report.json')
  const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const args = [vitest, 'run', '--typecheck.enabled=false', ...FILES]
  // Beside that of `npm test`, whose counts are another matter.
  const env = { ...process.env, SHERD_TEST_REPORT: report }
  try {
    const child = spawn(node, args, { cwd: path.join(root, folder), env, stdio: 'inherit' })
    const code = await new Promise((resolve) => child.once('exit', resolve))
    const counts = existsSync(report) ? countReport(report) : { passed: 0, failed: 0, skipped: 0 }
    // An error outside any test fails a run, too.
    if (code !== 0 && counts.failed === 0) counts.failed = 1
    return counts
  } finally {
    rmSync(reports, { recursive: true, force: true })
  }
}
