import type { ShardingError } from '../errors.ts'
import { shardTimeoutError } from './fan-out-errors.ts'
import type { FanOutPlace } from './fan-out-places.ts'
import { ShardBranch, type ShardBranchOptions } from './shard-branch.ts'

/** What a shard's rows may come as: a query, a stream of it, an async generator, a list. */
export type RowSource<Row> =
  | AsyncIterable<Row>
  | Iterable<Row>
  | PromiseLike<AsyncIterable<Row> | Iterable<Row>>

export interface ShardRowsOptions<Row> extends Omit<ShardBranchOptions, 'isExclusive'> {
  readonly place: FanOutPlace
  readonly shardTimeoutMs: number | null
  readonly fn: (signal: AbortSignal) => RowSource<Row>
}

type Rows<Row> = AsyncIterator<Row> | Iterator<Row>

/** One shard's rows, of which one is looked at: the next is fetched only when it has been taken. */
export class ShardRows<Row extends object> {
  readonly shard: string
  readonly #options: ShardRowsOptions<Row>
  readonly #branch: ShardBranch
  #rows: Rows<Row> | undefined
  #refusal: ShardingError | undefined
  #reject: ((error: unknown) => void) | undefined
  /** The row that is looked at; undefined when there is none any more. */
  head: Row | undefined

  constructor(options: ShardRowsOptions<Row>) {
    this.#options = options
    this.shard = options.place.shard
    // The loop over the rows may query, on the connection of its own scope, too.
    this.#branch = new ShardBranch({ ...options, isExclusive: false })
  }

  /** Takes the connection, asks, and fetches the first row. */
  open(): Promise<void> {
    return this.#inTime(async () => {
      await this.#branch.connect()
      this.#rows = await this.#branch.run(async () => iteratorOf(await this.#ask()))
      await this.#fetch()
    })
  }

  /** Fetches the next row. */
  advance(): Promise<void> {
    return this.#inTime(() => this.#fetch())
  }

  abort(reason: unknown): void {
    this.#branch.abort(reason)
  }

  /** Stops what runs on the server, and ends. */
  cancel(error: ShardingError): void {
    this.#refusal ??= error
    this.#reject?.(this.#refusal)
    void this.#branch.cancel(error)
    void this.#return()
  }

  /** Ends: lets the function clean up, then gives the connection back. */
  async close(): Promise<void> {
    await this.#return()
    this.#branch.end()
  }

  /** A query is handed over unsettled: awaited it would be a list of all rows. */
  async #ask(): Promise<{ readonly source: AsyncIterable<Row> | Iterable<Row> }> {
    const given = this.#options.fn(this.#branch.signal)
    return { source: isAsyncIterable<Row>(given) ? given : await given }
  }

  async #fetch(): Promise<void> {
    const { done, value } = await this.#branch.run(() => (this.#rows as Rows<Row>).next())
    this.head = done ? undefined : value
    if (done) this.#branch.end()
  }

  async #return(): Promise<void> {
    const rows = this.#rows
    this.#rows = undefined
    // A generator that waits is not to be waited for, and its errors are nobody's any more.
    await this.#branch.run(async () => rows?.return?.()).catch(() => {})
  }

  #inTime(work: () => Promise<void>): Promise<void> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal)
    const { shardTimeoutMs } = this.#options
    return new Promise((resolve, reject) => {
      const timer =
        shardTimeoutMs === null
          ? undefined
          : setTimeout(
              () => this.cancel(shardTimeoutError(this.shard, shardTimeoutMs)),
              shardTimeoutMs,
            ).unref()
      const settle = () => {
        clearTimeout(timer)
        this.#reject = undefined
      }
      this.#reject = (error) => {
        settle()
        reject(error)
      }
      work().then(
        () => {
          settle()
          resolve()
        },
        (error) => {
          settle()
          reject(this.#refusal ?? error)
        },
      )
    })
  }
}

function iteratorOf<Row>({ source }: { readonly source: AsyncIterable<Row> | Iterable<Row> }): Rows<Row> {
  if (isAsyncIterable<Row>(source)) return source[Symbol.asyncIterator]()
  if (typeof source === 'object' && source !== null && Symbol.iterator in source)
    return source[Symbol.iterator]()
  throw new TypeError(
    'The function of fanOutStream() returns rows: a query, a stream, an async generator or a list.',
  )
}

function isAsyncIterable<Row>(value: unknown): value is AsyncIterable<Row> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}
