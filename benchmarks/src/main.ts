import { readdirSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { bundle } from './bundle.ts'
import { profileTo } from './processes/measured-process.ts'
import { Progress } from './progress.ts'
import { caseTable } from './report/case-table.ts'
import { describe } from './report/machine.ts'
import { writePage } from './report/page.ts'
import { profileParts } from './report/profile-parts.ts'
import { saveResult } from './report/results.ts'
import { runSuite } from './run-suite.ts'
import type { Suite } from './suites/suite.ts'
import { suites } from './suites/suites.ts'

// `npm run benchmark`, with the names of suites for those alone. A suite that fails does not keep the others from
// being run; the exit code tells.

const ROUNDS = { full: 11, quick: 2 }

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** How often each is measured beside the others. */
    pairs: { type: 'string' },
    /** Only to see whether everything works: changes no document. */
    quick: { type: 'boolean', default: false },
    /** A folder for profiles of all processes; what was measured meanwhile changes no document. */
    profile: { type: 'string' },
  },
})
const isQuick = values.quick
const { profile } = values
const rounds = Number(values.pairs ?? (isQuick ? ROUNDS.quick : ROUNDS.full))
const unknown = positionals.filter((name) => !suites.some((suite) => suite.name === name))
if (unknown.length > 0 || !Number.isInteger(rounds) || rounds < 1) {
  const names = suites.map(({ name }) => name).join(' | ')
  console.error(`npm run benchmark -- [${names}]… [--pairs <number>] [--quick] [--profile <folder>]`)
  process.exit(2)
}

const selected = suites.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
await bundle()
if (profile !== undefined) profileTo(profile)
const machine = await describe()
for (const [index, suite] of selected.entries()) {
  console.log(`\n${index + 1} of ${selected.length}: ${suite.title}`)
  await runAndKeep(suite)
}
if (profile !== undefined) tellProfiles(profile)
else if (!isQuick) {
  writePage()
  console.log('\nWritten: docs/benchmarks.md')
}
// Whatever a suite that failed has left running ends with this process.
process.exit()

/** Where the time of each process went. */
function tellProfiles(folder: string): void {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'))) {
    console.log(`\n${file}`)
    for (const [part, share] of profileParts(path.join(folder, file)))
      console.log(`${(100 * share).toFixed(1).padStart(6)} %  ${part}`)
  }
}

async function runAndKeep(suite: Suite): Promise<void> {
  const progress = new Progress()
  try {
    const result = await runSuite(suite, { isQuick, rounds, machine, progress: progress.tell })
    const took = progress.end()
    for (const plan of suite.cases) {
      const measured = result.cases.find(({ id }) => id === plan.id)
      if (measured !== undefined) console.log(`\n${plan.id}\n\n${caseTable(plan, measured)}`)
    }
    for (const note of result.notes) console.log(`\nNote: ${note}`)
    // Who is sampled is slower.
    console.log(
      profile === undefined ? `\n      took ${took}, kept in ${saveResult(result)}` : `\n      took ${took}`,
    )
  } catch (error) {
    console.error(`      failed after ${progress.end()}: ${(error as Error).stack}`)
    process.exitCode = 1
  }
}
