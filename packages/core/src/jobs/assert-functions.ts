/** @throws TypeError naming the first that is no function: a worker should not find that out with its first job. */
export function assertFunctions(functions: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(functions)) {
    if (typeof value !== 'function') throw new TypeError(`${name} is a function, not ${typeof value}.`)
  }
}
