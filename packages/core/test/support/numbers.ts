/** Statement that puts the numbers from 1 to `last` into a table's one column. */
export function insertNumbers(table: string, last: number): string {
  const rows = Array.from({ length: last }, (_, index) => `(${index + 1})`)
  return `insert into ${table} values ${rows.join(', ')}`
}
