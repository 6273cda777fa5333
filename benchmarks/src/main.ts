import { parseArgs } from 'node:util'
import { bundle } from './bundle.ts'
import { Progress } from './progress.ts'
import { caseTable } from './report/case-table.ts'
import { saveResult } from './report/results.ts'
import { runSuite } from './run-suite.ts'
import { suites } from './suites/suites.ts'

// `npm run benchmark`, with the names of suites for those alone.

const ROUNDS = { full: 11, quick: 3 }

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** How often each is measured beside the others. */
    pairs: { type: 'string' },
    /** Only to see whether everything works: takes seconds, and changes no document. */
    quick: { type: 'boolean', default: false },
  },
})
const isQuick = values.quick
const rounds = Number(values.pairs ?? (isQuick ? ROUNDS.quick : ROUNDS.full))
const unknown = positionals.filter((name) => !suites.some((suite) => suite.name === name))
if (unknown.length > 0 || !Number.isInteger(rounds) || rounds < 1) {
  const names = suites.map(({ name }) => name).join(' | ')
  console.error(`npm run benchmark -- [${names}]… [--pairs <number>] [--quick]`)
  process.exit(2)
}

const selected = suites.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
await bundle()
for (const [index, suite] of selected.entries()) {
  console.log(`\n${index + 1} of ${selected.length}: ${suite.title}`)
  const progress = new Progress()
  try {
    const result = await runSuite(suite, { isQuick, rounds, progress: progress.tell })
    const took = progress.end()
    for (const plan of suite.cases) {
      const found = result.cases.find(({ id }) => id === plan.id)
      if (found !== undefined) console.log(`\n${plan.id}\n\n${caseTable(plan, found)}`)
    }
    for (const note of result.notes) console.log(`\nNote: ${note}`)
    console.log(`\n      took ${took}, kept in ${saveResult(result)}`)
  } catch (error) {
    progress.end()
    process.exitCode = 1
    console.error(`      failed: ${(error as Error).stack}`)
  }
}
