import { isDeepStrictEqual } from 'node:util'

/** Something in the tour is not as it should be. */
export class UnexpectedError extends Error {
  override readonly name = 'UnexpectedError'
}

export function check(what: string, actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return
  throw new UnexpectedError(
    `${what} should be ${JSON.stringify(expected)}, and is ${JSON.stringify(actual)}.`,
  )
}
