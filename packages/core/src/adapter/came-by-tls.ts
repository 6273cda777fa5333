import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'

/** Here, or, as it says itself, at a proxy before. Who lies about that spoils nobody's cookie but his own. */
export function cameByTls({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>): boolean {
  return (socket as Partial<TLSSocket>).encrypted === true || saysTls(headers['x-forwarded-proto'])
}

/** The first of several proxies is the one next to the client. */
export function saysTls(forwarded: string | readonly string[] | null | undefined): boolean {
  return /^\s*https\b/i.test(String(forwarded ?? ''))
}
