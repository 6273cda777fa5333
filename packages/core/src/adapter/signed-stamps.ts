import { cookieValues } from './cookie.ts'
import type { StampCookieOptions } from './read-from-replicas.ts'
import type { RequestParts } from './request-options.ts'
import { StampKey } from './stamp-key.ts'

export interface SignedStampsOptions {
  /** The first signs, all are accepted. */
  readonly secrets: readonly string[]
  readonly windowMs: number
  readonly cookie: StampCookieOptions | undefined
  /** In lower case. */
  readonly header: string | undefined
}

export type HeaderLine = readonly [name: string, value: string]

/** A client has a stamp of each shard that it wrote to within seconds; more of them are of no honest one's. */
const MOST_STAMPS = 16

/**
 * Stamps that clients carry: one cookie for each shard, so that answers that cross on their way lose none, or one header.
 * They hold no tenant and no name. What is not genuine counts as not sent.
 */
export class SignedStamps {
  readonly #options: SignedStampsOptions
  readonly #keys: readonly StampKey[]
  readonly #cookieName: string | undefined

  constructor(options: SignedStampsOptions) {
    this.#options = options
    this.#keys = options.secrets.map((secret) => new StampKey(secret))
    this.#cookieName = options.cookie && (options.cookie.name ?? 'sherd-stamp')
  }

  /** When the client last wrote to the shard, in milliseconds since 1970, as far as it can prove that. */
  lastWrite(parts: Pick<RequestParts, 'headers'>, shard: string): number | undefined {
    const sent = this.#headerValues(parts)
    let last: number | undefined
    for (const key of this.#keys) {
      const cookies = this.#cookieName && cookieValues(parts, `${this.#cookieName}-${key.idOf(shard)}`)
      for (const stamp of [...(cookies || []), ...sent].slice(0, MOST_STAMPS)) {
        const at = key.verify(shard, stamp)
        if (at !== undefined && (last === undefined || at > last)) last = at
      }
    }
    return last
  }

  /** The headers that bring a client its stamp. */
  headersFor(shard: string, at: number, isSecure: boolean): readonly HeaderLine[] {
    const [key] = this.#keys as [StampKey]
    const { header } = this.#options
    const stamp = key.sign(shard, at)
    const cookie = this.#cookie(`${this.#cookieName}-${key.idOf(shard)}=${stamp}`, isSecure)
    return [
      ...(cookie === undefined ? [] : [cookie]),
      ...(header === undefined ? [] : [[header, stamp] as const]),
    ]
  }

  #cookie(pair: string, isSecure: boolean): HeaderLine | undefined {
    const { cookie, windowMs } = this.#options
    if (cookie === undefined) return undefined
    const { secure = 'auto', sameSite = 'Lax', domain, path = '/' } = cookie
    const attributes = [
      pair,
      `Max-Age=${Math.ceil(windowMs / 1000) + 1}`,
      `Path=${path}`,
      ...(domain === undefined ? [] : [`Domain=${domain}`]),
      'HttpOnly',
      ...((secure === 'auto' ? isSecure : secure) ? ['Secure'] : []),
      `SameSite=${sameSite}`,
    ]
    return ['set-cookie', attributes.join('; ')]
  }

  /** Sent several times a header is joined by commas, by Node, by Fetch, or by a client that knows several shards. */
  #headerValues({ headers }: Pick<RequestParts, 'headers'>): readonly string[] {
    const { header } = this.#options
    if (header === undefined) return []
    const value = headers instanceof Headers ? headers.get(header) : headers[header]
    return [value ?? []].flat().flatMap((each) => each.split(',', MOST_STAMPS).map((text) => text.trim()))
  }
}
