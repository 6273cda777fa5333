import { ShardingError } from '@sherd/core'

const LONGEST = 500

// Everything that could break a line or move a cursor.
const BREAKS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu

/**
 * What an error says, on one line, without the statement that knex puts in front of it: that may be long, and hold what
 * nobody should read in a log.
 */
export function messageOf(error: unknown): string {
  const text = textOf(rootOf(error)).replace(BREAKS, ' ').trim()
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}

/** A chain of causes may be a ring. */
const DEEPEST = 10

/**
 * What has to be mended: where Sherd says that a shard cannot be reached, the reason; of several attempts that failed,
 * the first.
 */
export function rootOf(error: unknown): unknown {
  let root = error
  for (let depth = 0; depth < DEEPEST; depth++) {
    const { cause, errors, message } = (root ?? {}) as {
      cause?: unknown
      errors?: unknown
      message?: unknown
    }
    const isOutage = root instanceof ShardingError && root.retryable
    const below = isOutage ? cause : message === '' && Array.isArray(errors) ? errors[0] : undefined
    if (below === undefined) return root
    root = below
  }
  return root
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, sqlMessage } = error as { code?: unknown; sqlMessage?: unknown }
  if (typeof sqlMessage === 'string') return sqlMessage
  const text = isFromDatabase(code) ? error.message.slice(startOfMessage(error.message)) : error.message
  return text || (typeof code === 'string' ? code : error.name)
}

/** An SQLSTATE, or one of SQLite's codes. */
function isFromDatabase(code: unknown): boolean {
  return typeof code === 'string' && /^(?:[0-9A-Z]{5}|SQLITE_\w+)$/.test(code)
}

/** knex writes `<statement> - <message>`. */
function startOfMessage(text: string): number {
  const at = text.lastIndexOf(' - ')
  return at === -1 ? 0 : at + 3
}
