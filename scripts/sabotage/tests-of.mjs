/**
 * The test files of guards, each with what has to be run of it.
 * @param {readonly import('./guards.mjs').Guard[]} guards
 * @returns {{ file: string, pattern: RegExp }[]}
 */
export function testsOf(guards) {
  const patterns = new Map()
  for (const { tests, reddens } of guards) {
    for (const file of tests) patterns.set(file, (patterns.get(file) ?? new Set()).add(reddens.source))
  }
  return Array.from(patterns, ([file, sources]) => ({
    file,
    pattern: new RegExp(Array.from(sources, (source) => `(?:${source})`).join('|')),
  }))
}
