import { styleText } from 'node:util'
import type { Output } from './surroundings.ts'

export type Format = 'bold' | 'dim' | 'green' | 'red' | 'yellow'

/** The text, with the format where it is shown in one. */
export type Style = (format: Format, text: string) => string

export const plain: Style = (_format, text) => text

const coloured: Style = (format, text) => styleText(format, text, { validateStream: false })

/** Colours on a terminal that has them, unless nobody wants them (https://no-color.org). */
export function styleFor(output: Output, env: NodeJS.ProcessEnv): Style {
  const isWanted = !env['NO_COLOR'] && env['TERM'] !== 'dumb'
  return output.isTTY === true && isWanted ? coloured : plain
}
