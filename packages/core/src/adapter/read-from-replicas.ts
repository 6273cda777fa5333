/** `readFromReplicas` of a middleware, with everything that can be chosen. */
export interface ReadFromReplicasOptions<R> {
  /**
   * Milliseconds for which a client reads primaries after it has written: longer than replicas usually lag. With 0 it
   * reads replicas at once, and nothing is signed or stored. @default 2000
   */
  readonly windowMs?: number
  /**
   * Signs the stamps that clients carry, in cookies and headers: at least 32 characters, the same in all processes. In
   * a list the first one signs and all are accepted, so that a secret can be replaced.
   * @default the environment variable `SHERD_STAMP_SECRET`, in which commas separate several
   */
  readonly secret?: string | readonly string[]
  /** Methods of requests that only read; all others write. @default ['GET', 'HEAD'] */
  readonly methods?: readonly string[]
  /** The cookie in which a browser carries its stamp; false for none. @default { name: 'sherd-stamp' } */
  readonly cookie?: StampCookieOptions | false
  /** A header, for clients without cookies: they send back what they were sent last. @default none */
  readonly header?: string | false
  /** Keeps the stamps instead of the clients: then nothing is signed, and no cookie or header is needed. */
  readonly store?: WriteStampStore<R>
}

export interface StampCookieOptions {
  /** How its name begins; what follows stands for a shard. @default 'sherd-stamp' */
  readonly name?: string
  /** `auto`: where the request came by TLS, here or, as `x-forwarded-proto` says, at a proxy. @default 'auto' */
  readonly secure?: boolean | 'auto'
  /** @default 'Lax' */
  readonly sameSite?: 'Strict' | 'Lax' | 'None'
  /** @default the host that was asked */
  readonly domain?: string
  /** @default '/' */
  readonly path?: string
}

/**
 * Remembers which client has written where: for instance in Redis, by the session or the user of the request. Both
 * functions get a second at most. While it fails clients read primaries, and writes are told as `stamp:missed`.
 */
export interface WriteStampStore<R> {
  /** When the client of this request last wrote to the shard, in milliseconds since 1970; undefined if it has not lately. */
  lastWrite(req: R, shard: string): Promised<number | undefined | null>
  /**
   * The client has written at `at`. Awaited before the handler is told that its write is done. After `keepMs` nobody
   * asks for it any more.
   */
  wrote(req: R, shard: string, at: number, keepMs: number): unknown
}

type Promised<T> = T | Promise<T>
