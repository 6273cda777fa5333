import type { SuiteResult } from './measure/result.ts'
import type { Machine } from './report/machine.ts'
import type { Suite, SuiteContext } from './suites/suite.ts'

export interface RunOptions extends Omit<SuiteContext, 'note'> {
  readonly machine: Machine
}

/** @throws what the suite fails with, and Error if a case was left out of which nothing is said */
export async function runSuite(suite: Suite, { machine, ...options }: RunOptions): Promise<SuiteResult> {
  const notes: string[] = []
  const at = new Date().toISOString()
  const cases = await suite.run({ ...options, note: (text) => notes.push(text) })
  for (const { id, contestants } of suite.cases) {
    const measured = cases.find((each) => each.id === id)
    if (measured === undefined && notes.length > 0) continue
    const missing = contestants.filter((name) => !measured?.contestants.some((each) => each.name === name))
    if (missing.length > 0)
      throw new Error(`${suite.name}, ${id}: nothing was measured of ${missing.join(', ')}`)
  }
  return { suite: suite.name, at, machine, isQuick: options.isQuick, notes, cases }
}
