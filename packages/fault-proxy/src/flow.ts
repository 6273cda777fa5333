import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import type { Frame, Framer } from './framer.ts'
import { Gate } from './gate.ts'
import { type Shape, slices } from './shape.ts'

export interface FlowOptions {
  readonly source: Socket
  readonly target: Socket
  readonly framer: Framer
  readonly shape: () => Shape
  readonly lateMs: (shape: Shape) => number
  readonly signal: AbortSignal
  /** Whether somebody waits for messages: then each is passed on by itself. */
  readonly isWatched: () => boolean
  /** Whether a message may begin; if not, nothing is passed on any more. */
  readonly mayStart: (frame: Frame) => boolean
  /** All of a message is with the system. Whether anything may follow. */
  readonly mayFollow: (frame: Frame) => boolean
}

interface Arrival {
  readonly at: number
  readonly frames: readonly Frame[]
  readonly bytes: number
}

/** What waits to be passed on. Beyond that the sender feels it. */
const MOST_QUEUED_BYTES = 256 * 1024

/** One direction of a connection: in order, late, slow, in slices, or not at all while its gate is closed. */
export class Flow {
  readonly gate = new Gate()
  readonly #options: FlowOptions
  readonly #queue: Arrival[] = []
  readonly #aborted: Promise<unknown>
  #queuedBytes = 0
  #hasEnded = false
  #wake = () => {}

  constructor(options: FlowOptions) {
    this.#options = options
    const { source, framer, signal } = options
    this.#aborted = once(signal, 'abort')
    signal.addEventListener('abort', () => this.#wake(), { once: true })
    source.on('data', (chunk: Buffer) => this.#arrive(framer.push(chunk), chunk.length))
    source.once('end', () => this.#end())
    source.once('close', () => this.#end())
  }

  /** Settles when the source has ended and the target knows, or nothing may follow; rejects when the signal aborts. */
  async run(): Promise<void> {
    const { source, target, shape, lateMs, signal } = this.#options
    for (;;) {
      signal.throwIfAborted()
      const arrival = this.#queue.shift()
      if (arrival === undefined) {
        if (this.#hasEnded) break
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        continue
      }
      await this.#sleep(arrival.at + lateMs(shape()) - performance.now())
      if (!(await this.#pass(arrival.frames))) return
      this.#queuedBytes -= arrival.bytes
      if (source.isPaused() && this.#queuedBytes < MOST_QUEUED_BYTES) source.resume()
    }
    await this.#sleep(shape().closeMs)
    await this.#opened()
    target.end()
  }

  #arrive(frames: readonly Frame[], bytes: number): void {
    this.#queue.push({ at: performance.now(), frames, bytes })
    this.#queuedBytes += bytes
    if (this.#queuedBytes >= MOST_QUEUED_BYTES) this.#options.source.pause()
    this.#wake()
  }

  #end(): void {
    if (this.#hasEnded) return
    const bytes = this.#options.framer.takeHeld()
    if (bytes.length > 0) this.#arrive([{ bytes, message: undefined, isStart: false, isEnd: false }], 0)
    this.#hasEnded = true
    this.#wake()
  }

  async #pass(frames: readonly Frame[]): Promise<boolean> {
    const { mayStart, mayFollow, isWatched } = this.#options
    let together: Buffer[] = []
    const flush = async () => {
      const bytes = together
      together = []
      if (bytes.length > 0) await this.#write(Buffer.concat(bytes))
    }
    for (const frame of frames) {
      const isWatchedNow = isWatched()
      if (isWatchedNow || this.gate.whenOpen !== undefined) await flush()
      if (frame.isStart && !mayStart(frame)) return false
      await this.#opened()
      together.push(frame.bytes)
      if (isWatchedNow) await flush()
      if (frame.isEnd && !mayFollow(frame)) return false
    }
    await flush()
    return true
  }

  async #write(bytes: Buffer): Promise<void> {
    const { target, shape } = this.#options
    const { sliceBytes, bytesPerSecond } = shape()
    if ((sliceBytes ?? bytesPerSecond) === undefined) return written(target, bytes)
    for (const slice of slices(bytes, shape())) {
      await this.#opened()
      await written(target, slice)
      // A turn of the event loop, so that slices do not leave together.
      await (bytesPerSecond === undefined ? turn() : this.#sleep((slice.length / bytesPerSecond) * 1000))
    }
  }

  async #opened(): Promise<void> {
    const { signal } = this.#options
    while (this.gate.whenOpen !== undefined && !signal.aborted)
      await Promise.race([this.gate.whenOpen, this.#aborted])
    signal.throwIfAborted()
  }

  async #sleep(ms: number): Promise<void> {
    if (ms > 0) await delay(ms, undefined, { signal: this.#options.signal })
  }
}

function written(target: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    target.write(bytes, (error) => (error == null ? resolve() : reject(error)))
  })
}
