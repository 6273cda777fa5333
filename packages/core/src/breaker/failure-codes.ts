/** The code that a driver or the system gives an error: `ECONNREFUSED`, `57P01`, `ER_ACCESS_DENIED_ERROR`. */
export function codeOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined
  return typeof code === 'string' ? code : undefined
}

/**
 * The server answers, and does not let its clients in: PostgreSQL's class 28 and unknown database
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html), MySQL's 1044, 1045, 1049 and 1698
 * (https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html).
 */
const REFUSED =
  /^(?:28...|3D000|ER_DBACCESS_DENIED_ERROR|ER_ACCESS_DENIED_(?:NO_PASSWORD_)?ERROR|ER_BAD_DB_ERROR)$/

/** The server breaks connections off, or is starting or stopping. */
const ENDING = /^(?:08...|57P0[123]|ER_(?:SERVER_|NORMAL_)SHUTDOWN|ER_NET_.*|ER_HANDSHAKE_ERROR)$/

/** An answer of a server to a statement, or to the wish to connect. No class of PostgreSQL begins as system codes do. */
const ANSWER = /^(?:[0-9FHPX][0-9A-Z]{4}|ER_.*|SQLITE_BUSY.*|SQLITE_LOCKED.*|SHARD_ERR_.*)$/

/** This process has no more sockets, ports or memory: the database has nothing to do with it. */
const OWN = /^(?:EMFILE|ENFILE|EADDRNOTAVAIL|ENOBUFS|ENOMEM)$/

/**
 * What a failed attempt to connect says about the server.
 *
 * - `outage`: it cannot be reached, or lets nobody in.
 * - `answer`: it is there. It has too many clients at the moment, or what was asked of the new connection was wrong.
 * - `nothing`: this process could not even try.
 */
export type Verdict = 'outage' | 'answer' | 'nothing'

export function verdictOn(error: unknown): Verdict {
  const code = codeOf(error) ?? ''
  if (OWN.test(code)) return 'nothing'
  return ANSWER.test(code) && !isRefusal(error) && !ENDING.test(code) ? 'answer' : 'outage'
}

/** Whether the server has said that it does not let its clients in. */
export function isRefusal(error: unknown): boolean {
  return REFUSED.test(codeOf(error) ?? '')
}
