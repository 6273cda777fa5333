/** Whether figures are run in full: `npm run test:long`. */
export const isLong = process.env['SHERD_TEST_LONG'] === '1'

/** How many of a figure's runs a test makes: all of them in `npm run test:long`, else a twentieth. */
export function scaled(figure: number): number {
  return isLong ? figure : Math.max(1, Math.round(figure / 20))
}

/** The bound that a test puts on a time, in milliseconds: ten times the figure, for machines that are busy. */
export function bound(figureMs: number): number {
  return figureMs * 10
}
