/**
 * Whole seconds for a `Retry-After` header: at least one, and between once and twice `baseMs`, at random, so that
 * the refused do not all come back in the same second.
 */
export function retryAfterSeconds(baseMs: number, random: () => number): number {
  return Math.max(1, Math.round((baseMs * (1 + random())) / 1000))
}
