import { isAbsolute, relative } from 'node:path'
import { escapeControls } from '../util/quote.ts'

/** A file's path as a user would open it: from the working directory where the file lies below it. */
export function shownPath(path: string): string {
  const fromHere = relative(process.cwd(), path)
  const isBelow = fromHere !== '' && !fromHere.startsWith('..') && !isAbsolute(fromHere)
  return escapeControls(isBelow ? fromHere : path)
}
