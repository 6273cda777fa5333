import { InvalidArgumentError } from 'commander'

/** Reads an option's text: an empty one is a variable of the shell that is not set. */
export function text(value: string): string {
  if (value === '') throw new InvalidArgumentError('Give a text that is not empty.')
  return value
}

/** Reads an option that may be given several times. */
export function texts(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, text(value)]
}
