import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { replaceBetween, table } from '../../../packages/reliability/src/report/markdown.ts'
import type { SuiteResult } from '../measure/result.ts'
import type { CasePlan, Suite } from '../suites/suite.ts'
import { suites } from '../suites/suites.ts'
import { type Target, targets } from '../targets.ts'
import { caseTable } from './case-table.ts'
import type { Machine } from './machine.ts'
import { savedResult } from './results.ts'
import { type Verdict, verdictOn } from './verdict.ts'

export const PAGE = new URL('../../../docs/benchmarks.md', import.meta.url)
const EXPLANATIONS = new URL('../../explanations/', import.meta.url)

/** Writes what the last run of each suite has measured into docs/benchmarks.md; what was never run stays as it is. */
export function writePage(): void {
  const parts: [name: string, text: string][] = suites.flatMap((suite) => {
    const result = savedResult(suite.name)
    return result === undefined ? [] : [[suite.name, suitePart(suite, result)]]
  })
  parts.push(['targets', targetsPart()])
  const page = parts.reduce(
    (text, [name, part]) => replaceBetween(text, name, part),
    readFileSync(PAGE, 'utf8'),
  )
  writeFileSync(PAGE, page)
}

export function suitePart({ name, cases }: Suite, result: SuiteResult): string {
  const shown = (plan: CasePlan) => {
    const measured = result.cases.find(({ id }) => id === plan.id)
    return `**${plan.id}**\n\n${measured === undefined ? 'Not measured in the last run.' : caseTable(plan, measured)}`
  }
  const isAimedAt = ({ id }: CasePlan) =>
    targets.some((target) => target.suite === name && target.case === id)
  const others = cases.filter((plan) => !isAimedAt(plan))
  return [
    `Measured on ${result.at.slice(0, 10)}: ${described(result.machine)}.`,
    ...result.notes,
    ...cases.filter(isAimedAt).map(shown),
    ...(others.length === 0
      ? []
      : ['<details>\n<summary>Without targets</summary>', ...others.map(shown), '</details>']),
  ].join('\n\n')
}

export function described({
  cores,
  processor,
  memoryGiB,
  system,
  node,
  postgres,
  versions,
}: Machine): string {
  const packages = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  return `${cores} cores (${processor}), ${memoryGiB} GiB, ${system}; Node ${node}, PostgreSQL ${postgres}; ${packages.join(', ')}`
}

export function targetsPart(resultOf: (suite: string) => SuiteResult | undefined = savedResult): string {
  const verdicts = targets.map((target) => {
    const result = resultOf(target.suite)
    return [target, result && verdictOn(target, result)] as const
  })
  const met = verdicts.filter(([, verdict]) => verdict?.isMet).length
  const missed = verdicts.filter(([, verdict]) => verdict?.isMet === false)
  return [
    `${met} of ${targets.length} targets are met.`,
    table(
      ['target', 'asked for', 'measured', ''],
      verdicts.map(([target, verdict]) => [target.text, asked(target), measured(verdict), told(verdict)]),
    ),
    ...explanations(missed.map(([target]) => target)),
  ].join('\n\n')
}

function asked({ bound }: Target): string {
  return 'atLeast' in bound ? `≥ ${bound.atLeast}` : `≤ ${bound.atMost}`
}

function measured(verdict: Verdict | undefined): string {
  if (verdict === undefined) return '–'
  const { low, median, high } = verdict.measured
  return `${median.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`
}

function told(verdict: Verdict | undefined): string {
  if (verdict === undefined) return 'not measured'
  return verdict.isMet ? 'met' : '**not met**'
}

/** What stands in the way, once for all targets of which the same is said. */
function explanations(missed: readonly Target[]): string[] {
  const texts = new Map<string, string[]>()
  for (const target of missed) {
    const text = explanationOf(target.id)
    texts.set(text, [...(texts.get(text) ?? []), target.text])
  }
  return Array.from(texts, ([text, names]) => `**Not met: ${names.join('; ')}.** ${text}`)
}

/** As somebody has found it in a profile: in `<id>.md`, or in one for all whose ids begin so. */
function explanationOf(id: string): string {
  const file = new URL(`${id}.md`, EXPLANATIONS)
  if (existsSync(file)) return readFileSync(file, 'utf8').trim()
  const dash = id.lastIndexOf('-')
  return dash === -1 ? 'What stands in the way is not known yet.' : explanationOf(id.slice(0, dash))
}
