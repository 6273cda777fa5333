const CANONICAL = /^(0|-?[1-9]\d*)$/

/** The number that a tenant id spells, or undefined: `007` and `1e3` are texts, not other spellings of a number. */
export function integerId(tenant: string): bigint | undefined {
  return CANONICAL.test(tenant) ? BigInt(tenant) : undefined
}
