import { statSync } from 'node:fs'
import { InvalidArgumentError } from 'commander'
import { texts } from './text.ts'

/** Reads an option's folder, which may be given several times. It has to be there: nothing is connected to otherwise. */
export function folders(value: string, earlier?: readonly string[]): readonly string[] {
  const all = texts(value, earlier)
  if (!isFolder(value)) throw new InvalidArgumentError('There is no such folder.')
  return all
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}
