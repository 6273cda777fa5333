import type { Format, Style } from './style.ts'

export interface Cell {
  readonly text: string
  readonly format?: Format
}

const GAP = '  '

/** Columns as wide as their widest cell; those that are empty in every row are left out. */
export function table(headings: readonly string[], rows: readonly (readonly Cell[])[], style: Style): string {
  const head = headings.map((text): Cell => ({ text, format: 'bold' }))
  const columns = [...headings.keys()].filter((column) => rows.some((row) => row[column]?.text !== ''))
  const widths = new Map(
    columns.map((column) => [
      column,
      Math.max(...[head, ...rows].map((row) => row[column]?.text.length ?? 0)),
    ]),
  )
  const line = (row: readonly Cell[]) =>
    Array.from(widths, ([column, width]) => {
      const { text, format } = row[column] as Cell
      // Styled before it is padded: the codes of colours take no room.
      const styled = format === undefined || text === '' ? text : style(format, text)
      return styled + ' '.repeat(width - text.length)
    })
      .join(GAP)
      .trimEnd()
  return [head, ...rows].map(line).join('\n')
}
