import type { Path } from './path.ts'
import type { Reading } from './reading.ts'

/** A place in a source, as messages about another place name it. */
export function placeIn({ source, locate }: Reading<unknown>, path: Path): string {
  return `${source.file} › ${source.place(locate(path))}`
}
