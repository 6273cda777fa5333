import type { FigureName } from '../measure/figures.ts'
import type { CaseResult } from '../measure/result.ts'

export interface SuiteContext {
  /** The shortest run that shows whether everything works; its figures mean little. */
  readonly isQuick: boolean
  /** Rounds in which each contestant is measured once. */
  readonly rounds: number
  /** Tells what is being done. */
  progress(text: string): void
  /** Something that a reader of the results has to know. */
  note(text: string): void
}

/** Contestants that do the same, as the documentation shows them. */
export interface CasePlan {
  /** Unique in its suite. */
  readonly id: string
  readonly contestants: readonly string[]
  readonly figures: readonly FigureName[]
  /** What the last column compares, and with whom; absent where contestants do not do the same. */
  readonly compared?: { readonly figure: FigureName; readonly to: string }
}

/** One part of the benchmark, which can be run alone. */
export interface Suite {
  /** As given on the command line. */
  readonly name: string
  readonly title: string
  readonly cases: readonly CasePlan[]
  run(context: SuiteContext): Promise<readonly CaseResult[]>
}
