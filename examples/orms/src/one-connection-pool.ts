/** What of the driver's connection is used here. */
export interface RawConnection {
  query(...args: readonly unknown[]): Promise<unknown>
}

/**
 * A scope's one connection, from `withRawConnection`, in the shape of a `pg.Pool` of size one: whoever takes it has it
 * to himself, and the others wait for their turn in order. So a transaction holds nothing but its own statements, and
 * `Promise.all` puts no two statements on the wire at once.
 *
 * Drizzle knows a pool by this word in the name of its class.
 */
export class OneConnectionPool {
  readonly #connection: RawConnection
  #lastTurn: Promise<void> = Promise.resolve()

  constructor(connection: RawConnection) {
    this.#connection = connection
  }

  /** Resolves to the connection, once it is free; call `release()` to pass it on. */
  async connect(): Promise<TakenConnection> {
    const before = this.#lastTurn
    let release = () => {}
    this.#lastTurn = new Promise((resolve) => {
      release = resolve
    })
    await before
    return { query: (...args) => this.#connection.query(...args), release }
  }

  async query(...args: readonly unknown[]): Promise<unknown> {
    const connection = await this.connect()
    try {
      return await connection.query(...args)
    } finally {
      connection.release()
    }
  }

  /** The connection is the scope's to give back. */
  async end(): Promise<void> {}
}

export interface TakenConnection extends RawConnection {
  release(): void
}
