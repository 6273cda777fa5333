import { table } from '../../../packages/reliability/src/report/markdown.ts'
import { aboutFigure, type FigureName } from '../measure/figures.ts'
import { type Quartiles, quartiles } from '../measure/quantiles.ts'
import { type CaseResult, type ContestantResult, ratios, valuesOf } from '../measure/result.ts'
import type { CasePlan } from '../suites/suite.ts'

/** A line for each contestant: medians, with the quartiles in brackets. */
export function caseTable({ figures, compared }: CasePlan, { contestants }: CaseResult): string {
  const base = contestants.find(({ name }) => name === compared.to)
  const head = ['', ...figures.map((name) => aboutFigure(name).title)]
  const comparison = `${aboutFigure(compared.figure).title} ÷ ${compared.to}`
  return table(
    [...head, comparison],
    contestants.map((each) => [
      each.name,
      ...figures.map((figure) => figureCell(each, figure)),
      base === undefined ? '–' : ratioCell(ratios(each, base, compared.figure)),
    ]),
  )
}

function figureCell(contestant: ContestantResult, figure: FigureName): string {
  return cell(quartiles(valuesOf(contestant, figure)), aboutFigure(figure).digits)
}

function ratioCell(values: readonly number[]): string {
  return cell(quartiles(values), 2)
}

function cell({ low, median, high }: Quartiles, digits: number): string {
  if (Number.isNaN(median)) return '–'
  const shown = (value: number) =>
    value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  return low === high ? shown(median) : `${shown(median)} (${shown(low)}–${shown(high)})`
}
