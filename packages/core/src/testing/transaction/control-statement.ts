/**
 * What a statement does to a transaction.
 *
 * - `characteristics`: says how the transaction is to be, such as its isolation level.
 * - `refused`: would end the test's transaction, or hides among others a statement that would.
 */
export type Control = 'begin' | 'commit' | 'rollback' | 'characteristics' | 'refused'

const PATTERNS: readonly (readonly [Control, RegExp])[] = [
  ['begin', /^(?:begin|start\s+transaction)\b[^;]*;?\s*$/i],
  ['commit', /^(?:commit|end)(?:\s+(?:work|transaction))?(?:\s+and\s+no\s+chain)?\s*;?\s*$/i],
  ['rollback', /^(?:rollback|abort)(?:\s+(?:work|transaction))?(?:\s+and\s+no\s+chain)?\s*;?\s*$/i],
  ['characteristics', /^set\s+transaction\b/i],
  ['refused', /^(?:begin|start\s+transaction)\b[^;]*;/i],
  ['refused', /^(?:commit|end|rollback|abort)\b(?!\s+(?:(?:work|transaction)\s+)?(?:to|prepared)\b)/i],
  ['refused', /^prepare\s+transaction\b/i],
]

const COMMENTS = /^(?:\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/

/** Undefined for a statement that leaves transactions alone, as far as its first words tell. */
export function controlOf(sql: string): Control | undefined {
  const text = sql.replace(COMMENTS, '')
  return PATTERNS.find(([, pattern]) => pattern.test(text))?.[0]
}

export function refusal(sql: string): Error {
  return new Error(
    `In a test's transaction this statement is refused, because it would end it: "${sql.trim().slice(0, 40)}". BEGIN, ` +
      'COMMIT and ROLLBACK are played, if each comes alone and without AND CHAIN. Test the rest with ' +
      'createTestSharding() alone.',
  )
}
