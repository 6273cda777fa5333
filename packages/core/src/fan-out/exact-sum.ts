const NUMERAL = /^(-?)(\d+)(?:\.(\d+))?$/

/**
 * The sum of numbers as drivers return them: a number if all are numbers, else (`bigint` and `numeric` come as texts)
 * an exact text, with as many decimals as the longest has.
 *
 * @throws TypeError for what is no number
 */
export function exactSum(values: readonly unknown[]): number | string {
  if (values.every((value) => typeof value === 'number')) return values.reduce((sum, value) => sum + value, 0)
  const parsed = values.map(parse)
  const decimals = Math.max(...parsed.map((each) => each.decimals))
  const sum = parsed.reduce(
    (total, each) => total + each.digits * 10n ** BigInt(decimals - each.decimals),
    0n,
  )
  return format(sum, decimals)
}

function parse(value: unknown): { readonly digits: bigint; readonly decimals: number } {
  const text = typeof value === 'string' ? value.trim() : typeof value === 'object' ? '' : String(value)
  const [whole, sign, integer, fraction = ''] = NUMERAL.exec(text) ?? []
  if (whole === undefined)
    throw new TypeError(`${JSON.stringify(value) ?? typeof value} is to be added, and is no number.`)
  return { digits: BigInt(`${sign}${integer}${fraction}`), decimals: fraction.length }
}

function format(sum: bigint, decimals: number): string {
  if (decimals === 0) return String(sum)
  const digits = String(sum < 0n ? -sum : sum).padStart(decimals + 1, '0')
  return `${sum < 0n ? '-' : ''}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`
}
