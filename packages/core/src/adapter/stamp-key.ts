import { createHmac, timingSafeEqual } from 'node:crypto'

/** `<shard's id>.<time>.<signature>`: nothing in it is a name, and nothing needs an escape in a cookie or a header. */
const STAMP = /^([\w-]{8})\.([0-9a-z]{1,9})\.([\w-]{43})$/

/** Signs when a shard was written to, with one secret (HMAC-SHA-256). */
export class StampKey {
  readonly #secret: string
  readonly #ids = new Map<string, string>()

  constructor(secret: string) {
    this.#secret = secret
  }

  /** Stands for a shard, whose name is nobody's business outside. */
  idOf(shard: string): string {
    let id = this.#ids.get(shard)
    if (id === undefined) {
      id = this.#mac('shard', shard).slice(0, 8)
      this.#ids.set(shard, id)
    }
    return id
  }

  /** @param at milliseconds since 1970 */
  sign(shard: string, at: number): string {
    const time = at.toString(36)
    return `${this.idOf(shard)}.${time}.${this.#mac('stamp', shard, time)}`
  }

  /** When it says that the shard was written to; undefined unless it was signed with this secret, for this shard. */
  verify(shard: string, stamp: string): number | undefined {
    const [, id, time = '', signature = ''] = STAMP.exec(stamp) ?? []
    if (id !== this.idOf(shard)) return undefined
    // As texts: more than one text decodes to the same bytes.
    const isGenuine = timingSafeEqual(Buffer.from(signature), Buffer.from(this.#mac('stamp', shard, time)))
    return isGenuine ? Number.parseInt(time, 36) : undefined
  }

  #mac(...parts: readonly string[]): string {
    return createHmac('sha256', this.#secret).update(parts.join('\n')).digest('base64url')
  }
}
