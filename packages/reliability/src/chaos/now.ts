/** Milliseconds since 1970, finer than `Date.now()`, of the clock that all processes of the machine share. */
export function now(): number {
  return performance.timeOrigin + performance.now()
}
