import { type Quartiles, quartiles } from '../measure/quantiles.ts'
import { ratios, type SuiteResult, valuesOf } from '../measure/result.ts'
import type { Target } from '../targets.ts'

export interface Verdict {
  readonly target: Target
  readonly measured: Quartiles
  /** By the median. */
  readonly isMet: boolean
}

/** Undefined where the result has nothing to say about it. */
export function verdictOn(target: Target, result: SuiteResult): Verdict | undefined {
  const contestants = result.cases.find(({ id }) => id === target.case)?.contestants ?? []
  const of = contestants.find(({ name }) => name === target.of)
  const to = contestants.find(({ name }) => name === target.to)
  if (of === undefined || (target.to !== undefined && to === undefined)) return undefined
  const values = to === undefined ? valuesOf(of, target.figure) : ratios(of, to, target.figure)
  if (values.length === 0) return undefined
  const measured = quartiles(values)
  const { bound } = target
  const isMet = 'atLeast' in bound ? measured.median >= bound.atLeast : measured.median <= bound.atMost
  return { target, measured, isMet }
}
