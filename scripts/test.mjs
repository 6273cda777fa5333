// `npm test`: everything from a fresh clone to the tests of all packages. Arguments go to turbo, for instance
// `npm test -- --filter=@sherd/core` or `npm test -- --force`.
import { countTests, removeTestResults, summary } from './lib/counts.mjs'
import { endWithNpm } from './lib/end-with-npm.mjs'
import { turbo } from './lib/run.mjs'
import { setUp } from './lib/set-up.mjs'
import { steps } from './lib/steps.mjs'

endWithNpm()
const announce = steps(3)
await setUp(announce)

announce('Running the tests of all packages (turbo, vitest)')
removeTestResults()
// One package at a time: their tests measure time, and each run fills the processors by itself.
const code = await turbo(
  'test',
  '--continue',
  '--concurrency=1',
  '--output-logs=new-only',
  ...process.argv.slice(2),
)

const counts = countTests()
// An error outside any test fails a run, too.
if (code !== 0 && counts.failed === 0) counts.failed = 1
if (counts.passed + counts.failed === 0) console.error('No tests ran.')
console.log(`\n${summary(counts)}`)
process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0
