/** `total` in as many parts, which differ by one at most; the first ones are the larger. */
export function equalParts(total: number, count: number): readonly number[] {
  const least = Math.floor(total / count)
  const over = total - least * count
  return Array.from({ length: count }, (_, index) => least + (index < over ? 1 : 0))
}
