import { finished, Readable, type Transform } from 'node:stream'
import type { Binding, BindingStore } from './binding.ts'
import { endWithConnection } from './end-with-connection.ts'
import type { Cursor } from './engine.ts'
import type { KnexClient, KnexQuery } from './knex-internals.ts'
import type { Lane, Turn } from './lane.ts'
import type { Lease } from './lease.ts'
import type { OpenWork } from './open-work.ts'
import type { RawConnection } from './raw-connection.ts'

/** What may be passed to `.stream(options)` beside the driver's own options. */
export interface StreamOptions {
  /** Rows fetched at once: 100 unless told. */
  readonly batchSize?: number
  readonly highWaterMark?: number
  /** False: outside of transactions too, keep the connection instead of having the server materialise the rows. */
  readonly hold?: boolean
}

export interface StreamRequest {
  /** Finds the binding; throws when the query may not run where it is. */
  readonly binding: () => Binding
  readonly store: BindingStore
  readonly client: KnexClient
  readonly query: KnexQuery
  /** knex's stream, from which the user reads. */
  readonly target: Transform
  readonly options: StreamOptions
  /** The driver's own stream, which needs the connection for itself until it ends. */
  readonly whole: (connection: RawConnection) => Promise<unknown>
}

/**
 * Streams a result over a connection that others use too.
 *
 * Somebody who iterates may query between two rows, so iteration reads a cursor and takes a turn for each fetch.
 * Somebody who pipes or listens to `data` takes rows as they come, so the driver's stream is used and keeps the turn
 * until it ends. Which of the two it is shows in the first listener, so nothing begins before.
 */
export function streamInTurns(request: StreamRequest): Promise<void> {
  const { target, store } = request
  const ended = new Promise<void>((resolve, reject) => {
    finished(target, { writable: false }, (error) => (error ? reject(error) : resolve()))
  })
  onFirstInterest(target, (interest) => {
    start(request, interest, store.current()).catch((error) => target.destroy(error))
  })
  return ended
}

type Interest = 'iterate' | 'flow'

function onFirstInterest(target: Readable, begin: (interest: Interest) => void): void {
  const decide = (interest: Interest) => {
    target.off('newListener', onListener)
    target.off('resume', onResume)
    begin(interest)
  }
  const onListener = (event: string) => {
    // `for await` listens to `readable`; `pipe` and `pipeline` listen to `data`.
    if (event === 'readable') decide('iterate')
    else if (event === 'data') decide('flow')
  }
  const onResume = () => decide('flow')
  target.on('newListener', onListener)
  target.on('resume', onResume)
}

async function start(
  request: StreamRequest,
  interest: Interest,
  executing: Binding | undefined,
): Promise<void> {
  const { client, query, target, options } = request
  const binding = request.binding()
  const refusal = binding.refusal(query.sql)
  if (refusal !== undefined) throw refusal
  const { lease } = binding
  binding.rules.keepUp?.(lease)
  const lane = binding.laneAt(executing)
  if (interest === 'iterate') {
    const batchSize = options.batchSize ?? options.highWaterMark ?? 100
    const inTransaction = lane !== lease.root
    const statement = {
      sql: client.positionBindings(query.sql),
      bindings: client.prepBindings(query.bindings ?? []),
    }
    const mayHold = inTransaction || options.hold !== false
    const cursor = mayHold ? lease.engine.cursor(statement, { batchSize, inTransaction }) : undefined
    const source =
      cursor &&
      (await lease.run(lane, (connection) => CursorSource.open(connection, binding, lane, cursor, batchSize)))
    if (source !== undefined) {
      client.emit('query', {
        __knexUid: binding.__knexUid,
        __knexTxId: binding.__knexTxId,
        ...query,
        ...statement,
      })
      source.on('error', (error) => target.destroy(error)).pipe(target)
      destroyTogether(target, source)
      return
    }
  }
  await streamWhole(binding, lane, request)
}

/** At once, so that a query after a loop that was left early comes after the cursor's end. */
function destroyTogether(target: Transform, source: Readable): void {
  const { _destroy } = target
  target._destroy = (error, callback) => {
    source.destroy()
    _destroy.call(target, error, callback)
  }
}

/** Reads from a cursor, one turn for each fetch. */
class CursorSource extends Readable implements OpenWork {
  readonly owner: object
  readonly isStream = true
  readonly #lease: Lease
  readonly #lane: Lane
  readonly #cursor: Cursor
  readonly #batchSize: number
  #isOpen = true

  /** One query. The cursor counts as open work before its turn ends, so the connection stays. */
  static async open(
    connection: RawConnection,
    binding: Binding,
    lane: Lane,
    cursor: Cursor,
    batchSize: number,
  ): Promise<CursorSource | undefined> {
    return (await cursor.open(connection)) ? new CursorSource(binding, lane, cursor, batchSize) : undefined
  }

  private constructor({ lease, rules }: Binding, lane: Lane, cursor: Cursor, batchSize: number) {
    super({ objectMode: true, highWaterMark: batchSize })
    this.owner = rules
    this.#lease = lease
    this.#lane = lane
    this.#cursor = cursor
    this.#batchSize = batchSize
    lease.addOpenWork(this)
  }

  abandon(error: Error): void {
    this.destroy(error)
  }

  override _read(): void {
    this.#fetch().catch((error) => this.destroy(error))
  }

  async #fetch(): Promise<void> {
    const rows = await this.#lease.run(this.#lane, (connection) => this.#cursor.fetch(connection))
    const isLast = rows.length < this.#batchSize
    if (isLast) await this.#close()
    for (const row of rows) this.push(row)
    if (isLast) this.push(null)
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    // Once the connection has been given back, its reset has closed the cursor.
    const mustClose = this.#isOpen && this.#lease.isHeld
    const closed = mustClose ? this.#close().catch(() => {}) : Promise.resolve()
    void closed.then(() => {
      this.#lease.removeOpenWork(this)
      callback(error)
    })
  }

  async #close(): Promise<void> {
    this.#isOpen = false
    await this.#lease.run(this.#lane, (connection) => {
      // The turn keeps the connection now.
      this.#lease.removeOpenWork(this)
      return this.#cursor.close(connection)
    })
  }
}

/** The driver's own stream: keeps the turn until it is closed, however that comes about. */
async function streamWhole(
  { lease, rules }: Binding,
  lane: Lane,
  { target, whole }: StreamRequest,
): Promise<void> {
  const turn: Turn = { holder: 'a stream', inner: undefined }
  const work: OpenWork = {
    owner: rules,
    isStream: true,
    abandon: (error) => target.destroy(error),
  }
  const end = () => {
    lease.removeOpenWork(work)
    lease.leave(lane, turn)
  }
  await lease.enter(lane, turn, async (connection) => {
    if (target.destroyed) return end()
    lease.addOpenWork(work)
    // knex never settles a stream that was destroyed; the driver's own stream, piped into knex's, tells.
    let isPiped = false
    target.once('pipe', (source: Readable) => {
      isPiped = true
      countFetches(source, lease, (error) => target.destroy(error as Error))
      endWithConnection(source, connection)
      source.once('close', end)
    })
    explainErrors(target, lease)
    try {
      await whole(connection)
    } catch (error) {
      // knex 3.1 rejects with null when its stream has come to its end.
      const told = error === null ? null : lease.explain(error)
      if (!isPiped) end()
      if (told !== null) throw told
    }
  })
}

/** knex's dialects emit the driver's errors as they come, and reject with them, too: each is to be told once. */
function explainErrors(target: Transform, lease: Lease): void {
  const { emit } = target
  target.emit = (event: string | symbol, ...args: unknown[]) => {
    if (event !== 'error' || target.destroyed) return emit.call(target, event, ...args)
    target.destroy(lease.explain(args[0]) as Error)
    return true
  }
}

/** What the driver's stream has asked the server for is on the wire until rows come, or the end. */
function countFetches(source: Readable, lease: Lease, onOverdue: (error: unknown) => void): void {
  let fetched: (() => void) | undefined
  const { _read, push } = source
  source._read = (size) => {
    fetched ??= lease.begin(onOverdue)
    _read.call(source, size)
  }
  const settle = () => {
    fetched?.()
    fetched = undefined
  }
  source.push = (...args) => {
    settle()
    return push.apply(source, args)
  }
  source.once('close', settle)
}
