import { ConfigInvalidError, ShardingError, ShardUnknownError, TenantInvalidError } from '@sherd/core'
import { CommanderError } from 'commander'
import type { ExitCode } from './exit-code.ts'
import { InputError } from './input-error.ts'
import { messageOf } from './message-of.ts'

/** What is said when there is no answer. */
export interface Problem {
  readonly exitCode: ExitCode
  readonly document: { readonly error: { readonly code: string; readonly message: string } }
  readonly text: string
}

export function problemOf(error: unknown): Problem {
  const { code, message } = describe(error)
  const problems = error instanceof ConfigInvalidError ? { problems: error.problems } : {}
  return {
    exitCode: isInput(error) ? 2 : 1,
    document: { error: { code, message, ...problems } },
    text: `sherd: ${message}`,
  }
}

function isInput(error: unknown): boolean {
  const inputs = [InputError, CommanderError, ConfigInvalidError, ShardUnknownError, TenantInvalidError]
  return inputs.some((Input) => error instanceof Input)
}

function describe(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof CommanderError) return { code: 'INPUT_INVALID', message: lineOf(error) }
  if (error instanceof InputError) return { code: 'INPUT_INVALID', message: error.message }
  if (error instanceof ShardingError) return { code: error.code, message: error.message }
  return { code: 'UNKNOWN', message: messageOf(error) }
}

/** commander writes `error:` in front, and its suggestion on a line of its own. */
function lineOf({ message }: CommanderError): string {
  return message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')
}
