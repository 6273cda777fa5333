import type { Machine } from '../report/machine.ts'
import type { FigureName } from './figures.ts'

/** What one contestant did in one round. */
export type Sample = Readonly<Partial<Record<FigureName, number>>>

/** One contestant in all rounds of a case; those of one round lie next to each other in time. */
export interface ContestantResult {
  readonly name: string
  readonly rounds: readonly Sample[]
}

/** Contestants that did the same in turn. */
export interface CaseResult {
  /** Names the case within its suite; targets refer to it. */
  readonly id: string
  readonly contestants: readonly ContestantResult[]
}

export interface SuiteResult {
  readonly suite: string
  /** ISO 8601. */
  readonly at: string
  readonly machine: Machine
  readonly isQuick: boolean
  /** What a reader has to know of this run, such as a contestant that could not be had. */
  readonly notes: readonly string[]
  readonly cases: readonly CaseResult[]
}

/** The values of one figure, a round each. */
export function valuesOf({ rounds }: ContestantResult, figure: FigureName): number[] {
  return rounds.map((round) => round[figure]).filter((value) => value !== undefined)
}

/** Of one figure, round by round: what the machine did meanwhile touches both. */
export function ratios(of: ContestantResult, to: ContestantResult, figure: FigureName): number[] {
  return of.rounds.flatMap((round, index) => {
    const [mine, other] = [round[figure], to.rounds[index]?.[figure]]
    return mine === undefined || other === undefined ? [] : [mine / other]
  })
}
