import { existsSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { packageFolders, root } from './root.mjs'

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

const files = () => packageFolders().map((folder) => path.join(root, folder, 'test-results.json'))

/** So that only results of this run are counted; turbo restores those of cached tasks. */
export function removeTestResults() {
  for (const file of files()) rmSync(file, { force: true })
}

/** @returns {Counts} of all packages */
export function countTests() {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const file of files().filter((each) => existsSync(each))) {
    const { passed, failed, skipped } = countReport(file)
    counts.passed += passed
    counts.failed += failed
    counts.skipped += skipped
  }
  return counts
}

/** @param {string} file a report of Vitest's reporter `json` @returns {Counts} */
export function countReport(file) {
  const report = JSON.parse(readFileSync(file, 'utf8'))
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + report.testResults.filter(failedWithoutTest).length,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

/** A test file that could not be loaded, or a hook that failed, has no failed test to show for it. */
function failedWithoutTest({ status, assertionResults }) {
  return status === 'failed' && assertionResults.every((test) => test.status !== 'failed')
}

/** @param {Counts} counts */
export function summary({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}
