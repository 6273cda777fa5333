import type { SuiteResult } from './measure/result.ts'
import type { Suite, SuiteContext } from './suites/suite.ts'

/** @throws what the suite fails with, and Error if it did not measure what it says it does */
export async function runSuite(suite: Suite, options: Omit<SuiteContext, 'note'>): Promise<SuiteResult> {
  const notes: string[] = []
  const at = new Date().toISOString()
  const cases = await suite.run({ ...options, note: (text) => notes.push(text) })
  for (const { id, contestants } of suite.cases) {
    const measured = cases.find((each) => each.id === id)?.contestants.map(({ name }) => name) ?? []
    const missing = contestants.filter((name) => !measured.includes(name))
    if (missing.length > 0)
      throw new Error(`${suite.name}, ${id}: nothing was measured of ${missing.join(', ')}`)
  }
  return { suite: suite.name, at, isQuick: options.isQuick, notes, cases }
}
