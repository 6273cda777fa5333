/** Mulberry32 (https://gist.github.com/tommyettinger/46a874533244883189143505d203312c): from a seed, between 0 and 1. */
export function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** The seed of this run: `SHERD_TEST_SEED`, else a new one. Printed, so that the run can be repeated. */
export function seedOfRun(what: string): number {
  const seed = Number(process.env['SHERD_TEST_SEED'] ?? Math.trunc(Math.random() * 2 ** 31))
  console.log(`${what}: SHERD_TEST_SEED=${seed}`)
  return seed
}
