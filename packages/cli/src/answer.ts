import type { ExitCode } from './exit-code.ts'
import type { Style } from './style.ts'

/** What a command has to say, for scripts and for people. */
export interface Answer {
  readonly exitCode: ExitCode
  /** Printed by `--json`. */
  readonly document: object
  /** Lines, without the last one's end. */
  text(style: Style): string
}
