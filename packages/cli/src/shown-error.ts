import { messageOf, rootOf } from './message-of.ts'

/** An error as a document has it. */
export interface ShownError {
  /** Sherd's, the database's or the system's; `UNKNOWN` where it has none. */
  readonly code: string
  readonly message: string
}

/** What is at the bottom of an error, which is what has to be mended. */
export function shownError(error: unknown): ShownError {
  const { code } = (rootOf(error) ?? {}) as { code?: unknown }
  return { code: typeof code === 'string' ? code : 'UNKNOWN', message: messageOf(error) }
}
