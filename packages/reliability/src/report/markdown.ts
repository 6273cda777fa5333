/** Cells of a table; a line break or a bar in one would end it. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

export function thousands(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** With one decimal where that says something. */
export function milliseconds(value: number | undefined | null): string {
  if (value === undefined || value === null || Number.isNaN(value)) return '–'
  return `${value < 10 ? value.toFixed(1) : thousands(value)} ms`
}

/** Takes the place of what stands between `<!-- name -->` and `<!-- end of name -->`. */
export function replaceBetween(page: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`]
  const from = page.indexOf(begin)
  const to = page.indexOf(end)
  if (from === -1 || to < from) throw new Error(`the page has no ${begin} with its ${end}`)
  return `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`
}
