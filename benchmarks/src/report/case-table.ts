import { table } from '../../../packages/reliability/src/report/markdown.ts'
import { aboutFigure, type FigureName } from '../measure/figures.ts'
import { type Quartiles, quartiles } from '../measure/quantiles.ts'
import { type CaseResult, type ContestantResult, ratios, valuesOf } from '../measure/result.ts'
import type { CasePlan } from '../suites/suite.ts'

/** A line for each contestant: medians, with the quartiles in brackets. */
export function caseTable({ figures, compared }: CasePlan, { contestants }: CaseResult): string {
  const base = contestants.find(({ name }) => name === compared?.to)
  const comparison = compared && `${aboutFigure(compared.figure).title} ÷ ${compared.to}`
  return table(
    [
      '',
      ...figures.map((name) => aboutFigure(name).title),
      ...(comparison === undefined ? [] : [comparison]),
    ],
    contestants.map((each) => [
      each.name,
      ...figures.map((figure) => figureCell(each, figure)),
      ...(compared && base ? [cell(quartiles(ratios(each, base, compared.figure)), 2)] : []),
    ]),
  )
}

function figureCell(contestant: ContestantResult, figure: FigureName): string {
  return cell(quartiles(valuesOf(contestant, figure)), aboutFigure(figure).digits)
}

function cell({ low, median, high }: Quartiles, digits: number): string {
  if (Number.isNaN(median)) return '–'
  const shown = (value: number) =>
    value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  return low === high ? shown(median) : `${shown(median)} (${shown(low)}–${shown(high)})`
}
