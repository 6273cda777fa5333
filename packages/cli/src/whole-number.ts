import { InvalidArgumentError } from 'commander'

/** Longer than any timer of Node. */
const MAX = 2 ** 31 - 1

/** Reads an option's whole number, of `min` at least. */
export function wholeNumber(min: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
    if (value >= min && value <= MAX) return value
    throw new InvalidArgumentError(`Give a whole number from ${min} to ${MAX}.`)
  }
}
