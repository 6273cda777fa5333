import { randomUUID } from 'node:crypto'
import {
  FanOutCancelledError,
  type FanOutMetadata,
  type FanOutOutcome,
  FanOutTimeoutError,
  RowsMismatchError,
  type ShardingError,
} from '../errors.ts'
import type { Dependent } from '../scope/open-scope.ts'
import { currentBinding } from '../scope/scope-storage.ts'
import { eachLimited } from '../util/each-limited.ts'
import { checkFanOutOptions, checkFunction, STREAM_RULES } from './check-fan-out-options.ts'
import { requiredOf } from './fan-out.ts'
import { incompleteError } from './fan-out-errors.ts'
import type { FanOutLimits, FanOutMode, FanOutTarget, FanOutTargets } from './fan-out-options.ts'
import { type FanOutOrigin, fanOutOrigin } from './fan-out-origin.ts'
import type { FanOutParts } from './fan-out-parts.ts'
import { type FanOutPlace, findPlaces } from './fan-out-places.ts'
import { totalTimeoutOf } from './fan-out-run.ts'
import { Heap } from './heap.ts'
import { inTime } from './in-time.ts'
import { metadataOf } from './metadata-of.ts'
import { type CompiledOrder, compileOrder, type RowOrder } from './row-order.ts'
import { assertSameColumns, columnsOf } from './same-columns.ts'
import { type RowSource, ShardRows } from './shard-rows.ts'

/** By shard, the values of the columns of the order in the last row that was taken from it. Plain data. */
export type StreamCursor = Readonly<Record<string, Readonly<Record<string, unknown>>>>

export interface FanOutStreamOptions extends FanOutTargets, Omit<FanOutLimits, 'concurrencyPerServer'> {
  /** The order in which each shard's rows come, and in which they are merged. */
  readonly orderBy: RowOrder
  /** Ends after so many rows. Null for no limit. @default null */
  readonly limit?: number | null
  /** Where an earlier stream ended: the function gets each shard's part of it as `after`. */
  readonly cursor?: StreamCursor
  /** A shard that fails is an error, or, with `partial` and `atLeast`, left out from there on. @default 'complete' */
  readonly mode?: FanOutMode
}

export interface FanOutStreamTarget extends FanOutTarget {
  /** The shard's part of the option `cursor`: its rows begin behind this one. */
  readonly after: Readonly<Record<string, unknown>> | undefined
  /** Of the option `limit`: no shard has to give more. */
  readonly limit: number | undefined
}

/** A row, and where it is from. */
export interface ShardRow<Row> {
  readonly shard: string
  readonly row: Row
}

/**
 * Ordered rows of several shards as one ordered sequence: a merge by a heap, which looks at one row of each shard. Nothing
 * happens before the first row is asked for, and none is fetched before the one before has been taken.
 */
export class FanOutStream<Row extends object> implements AsyncIterableIterator<ShardRow<Row>>, Dependent {
  readonly #parts: FanOutParts
  readonly #options: FanOutStreamOptions
  readonly #fn: (target: FanOutStreamTarget) => RowSource<Row>
  readonly #origin: FanOutOrigin
  readonly #order: CompiledOrder
  readonly #merged: AsyncGenerator<ShardRow<Row>, void>
  #sources: readonly ShardRows<Row>[] = []
  readonly #failures = new Map<string, unknown>()
  #maxFailures = 0
  #stopped: ShardingError | undefined
  #cursor: Record<string, Readonly<Record<string, unknown>>>

  constructor(
    parts: FanOutParts,
    options: FanOutStreamOptions,
    fn: (target: FanOutStreamTarget) => RowSource<Row>,
  ) {
    checkFanOutOptions(options, STREAM_RULES, 'fanOutStream()')
    checkFunction(fn, 'fanOutStream()')
    if (options.orderBy === undefined) throw new TypeError('fanOutStream() needs the option "orderBy".')
    this.#parts = parts
    this.#options = options
    this.#fn = fn
    this.#order = compileOrder(options.orderBy)
    this.#origin = fanOutOrigin(parts.scopes, currentBinding())
    this.#cursor = { ...options.cursor }
    this.#merged = this.#run()
  }

  /** Where the rows that were taken so far end: the option `cursor` of a stream that goes on there. */
  get cursor(): StreamCursor {
    return { ...this.#cursor }
  }

  /** How many shards the rows are from; complete when the stream has ended. */
  get metadata(): FanOutMetadata {
    return metadataOf(this.#outcomes())
  }

  /** Shards that failed and were left out, with what they failed with. */
  get failures(): ReadonlyMap<string, unknown> {
    return new Map(this.#failures)
  }

  next(): Promise<IteratorResult<ShardRow<Row>, void>> {
    return this.#merged.next()
  }

  /** Ends it: stops what runs on the servers and gives all connections back. */
  async return(): Promise<IteratorResult<ShardRow<Row>, void>> {
    this.#stop(new FanOutCancelledError('The stream was ended by its reader.'))
    return this.#merged.return()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  cancelRunning(): void {
    this.#stop(new FanOutCancelledError('The stream was stopped: nobody waits for it any more.'))
  }

  end(): void {
    this.#stop(new FanOutCancelledError('The stream was stopped: the scope around it has ended.'))
  }

  /** The merge, from the first row asked for to the last connection given back. */
  async *#run(): AsyncGenerator<ShardRow<Row>, void> {
    const { signal } = this.#options
    const rules = this.#origin.around?.rules
    const totalMs = totalTimeoutOf(this.#options)
    const onGone = () => {
      for (const source of this.#sources) source.abort(rules?.life.signal.reason)
    }
    const onAbort = () =>
      this.#stop(
        new FanOutCancelledError('The stream was stopped: its signal has aborted.', {
          cause: signal?.reason,
        }),
      )
    const timer = totalMs === null ? undefined : setTimeout(() => this.#expire(totalMs), totalMs).unref()
    rules?.adopt(this)
    rules?.life.signal.addEventListener('abort', onGone)
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted) onAbort()
    try {
      yield* this.#merge(await inTime(findPlaces(this.#parts, this.#options), { totalMs, signal }))
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      rules?.life.signal.removeEventListener('abort', onGone)
      rules?.forget(this)
      await Promise.all(this.#sources.map((source) => source.close()))
    }
  }

  async *#merge(places: readonly FanOutPlace[]): AsyncGenerator<ShardRow<Row>, void> {
    const { limit, concurrency = 5, mode } = this.#options
    this.#maxFailures = places.length - requiredOf(mode, places.length)
    if (this.#stopped !== undefined) throw this.#stopped
    const key = this.#options.key ?? randomUUID()
    this.#sources = places.map((place) => this.#sourceOf(place, key))
    await eachLimited(this.#sources, concurrency, (source) => this.#tolerate(source, source.open()))
    this.#assertColumns()

    const ranks = new Map(this.#sources.map((source, index) => [source, index]))
    const heap = new Heap<ShardRows<Row>>((a, b) => {
      const difference = this.#order.compare(a.head as Row, b.head as Row)
      return difference < 0 || (difference === 0 && (ranks.get(a) as number) < (ranks.get(b) as number))
    })
    for (const source of this.#sources) if (source.head !== undefined) heap.push(source)

    let left = limit ?? Number.POSITIVE_INFINITY
    for (let source = heap.top; source !== undefined; source = heap.top) {
      const { shard } = source
      const row = source.head as Row
      this.#cursor[shard] = this.#keyOf(row)
      yield { shard, row }
      if (--left === 0) return
      await this.#tolerate(source, source.advance())
      if (source.head !== undefined) this.#assertOrder(shard, row, source.head)
      heap.settleTop(source.head === undefined)
    }
    if (this.#stopped !== undefined) throw this.#stopped
  }

  #sourceOf(place: FanOutPlace, key: string): ShardRows<Row> {
    const { limit, cursor, checkoutTimeoutMs, shardTimeoutMs = null } = this.#options
    const { around } = this.#origin
    const value = this.#origin.scopeOf(place.shard, this.#options)
    const fn = (signal: AbortSignal) =>
      this.#fn({ ...place, key, signal, after: cursor?.[place.shard], limit: limit ?? undefined })
    return new ShardRows({
      parts: this.#parts,
      place,
      value,
      around,
      checkoutTimeoutMs,
      shardTimeoutMs,
      fn,
    })
  }

  /** Leaves a shard that fails out, as far as `mode` allows. */
  async #tolerate(source: ShardRows<Row>, work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (error) {
      if (this.#stopped !== undefined) throw this.#stopped
      source.head = undefined
      this.#failures.set(source.shard, error)
      await source.close()
      if (this.#failures.size <= this.#maxFailures) return
      this.#stop(this.#incomplete())
      throw this.#stopped
    }
  }

  #incomplete(): ShardingError {
    const outcomes = this.#outcomes()
    const result = { key: this.#options.key ?? '', outcomes, metadata: metadataOf(outcomes) }
    return incompleteError(result, outcomes.length - this.#maxFailures)
  }

  #outcomes(): FanOutOutcome[] {
    return this.#sources.map(({ shard }) =>
      this.#failures.has(shard)
        ? { shard, durationMs: 0, status: 'rejected', reason: this.#failures.get(shard) }
        : { shard, durationMs: 0, status: 'fulfilled', value: undefined },
    )
  }

  #expire(totalMs: number): void {
    const message =
      `The stream had not ended when its ${totalMs} ms were over, and was stopped. Read faster, set a limit and go on ` +
      'from its cursor, or raise totalTimeoutMs (null for no limit).'
    this.#stop(new FanOutTimeoutError(message, { retryAfter: 1 }))
  }

  #stop(error: ShardingError): void {
    if (this.#stopped !== undefined) return
    this.#stopped = error
    for (const source of this.#sources) source.cancel(error)
  }

  #keyOf(row: Row): Readonly<Record<string, unknown>> {
    return Object.fromEntries(this.#order.columns.map((column) => [column, row[column as keyof Row]]))
  }

  #assertColumns(): void {
    const known = this.#sources.flatMap(({ shard, head }) =>
      head === undefined ? [] : [{ shard, columns: columnsOf([head]) ?? [] }],
    )
    for (const each of known.slice(1)) assertSameColumns(known[0] as (typeof known)[0], each)
  }

  #assertOrder(shard: string, before: Row, after: Row): void {
    if (this.#order.compare(before, after) <= 0) return
    throw new RowsMismatchError(
      `Rows of shard "${shard}" do not come in the order of orderBy: a merge of them would be wrong. Order the query by ` +
        'the same columns; for numbers that come as texts say compare: "number", for texts COLLATE "C" in the query.',
      { shard },
    )
  }
}
