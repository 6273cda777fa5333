import { type Message, type Side, typedMessage } from './message.ts'

/** What both directions of a connection know of each other. */
export interface Conversation {
  /** Asked for by the client and not answered yet, or on: then nothing more can be read. */
  encryption: 'none' | 'asked' | 'on'
}

/** Some bytes of one message. */
export interface Frame {
  readonly bytes: Buffer
  /** Undefined where messages cannot be told apart, as in encrypted traffic. */
  readonly message: Message | undefined
  readonly isStart: boolean
  readonly isEnd: boolean
}

/** How much of a message is looked at before any of it is passed on. */
const HEAD_BYTES = 1024
const NONE = Buffer.alloc(0)

/** Messages without a type byte, by the number that stands in its place. */
const UNTYPED: Readonly<Record<number, string>> = {
  80877102: 'CancelRequest',
  80877103: 'SSLRequest',
  80877104: 'GSSENCRequest',
}

interface Unfinished {
  readonly message: Message
  rest: number
}

/** Finds the boundaries of messages in one direction of a connection, however the bytes arrive. Keeps at most a head. */
export class Framer {
  readonly #from: Side
  readonly #conversation: Conversation
  #isStartup: boolean
  #held: Buffer = NONE
  #current: Unfinished | undefined

  constructor(from: Side, conversation: Conversation) {
    this.#from = from
    this.#conversation = conversation
    this.#isStartup = from === 'client'
  }

  push(chunk: Buffer): Frame[] {
    const frames: Frame[] = []
    let bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    this.#held = NONE
    while (bytes.length > 0) {
      const frame = this.#next(bytes)
      if (frame === undefined) {
        this.#held = bytes
        break
      }
      frames.push(frame)
      bytes = bytes.subarray(frame.bytes.length)
    }
    return frames
  }

  /** What has come of a message that will not come whole any more. */
  takeHeld(): Buffer {
    const held = this.#held
    this.#held = NONE
    return held
  }

  #next(bytes: Buffer): Frame | undefined {
    if (this.#current !== undefined) return this.#take(this.#current, bytes, false)
    if (this.#conversation.encryption === 'on') return opaque(bytes)
    if (this.#from === 'server' && this.#conversation.encryption === 'asked') return this.#answer(bytes)
    const head = this.#isStartup ? this.#untypedHead(bytes) : this.#typedHead(bytes)
    if (head === undefined) return undefined
    return this.#take(head, bytes, true)
  }

  #take(unfinished: Unfinished, bytes: Buffer, isStart: boolean): Frame {
    const taken = bytes.subarray(0, unfinished.rest)
    unfinished.rest -= taken.length
    const isEnd = unfinished.rest === 0
    this.#current = isEnd ? undefined : unfinished
    return { bytes: taken, message: unfinished.message, isStart, isEnd }
  }

  /** One byte: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL */
  #answer(bytes: Buffer): Frame {
    const text = String.fromCharCode(bytes[0] as number)
    this.#conversation.encryption = text === 'S' || text === 'G' ? 'on' : 'none'
    const message: Message = { from: 'server', type: 'EncryptionResponse', text }
    return { bytes: bytes.subarray(0, 1), message, isStart: true, isEnd: true }
  }

  #untypedHead(bytes: Buffer): Unfinished | undefined {
    if (bytes.length < 8) return undefined
    const type = UNTYPED[bytes.readInt32BE(4)] ?? 'StartupMessage'
    if (type === 'SSLRequest' || type === 'GSSENCRequest') this.#conversation.encryption = 'asked'
    else this.#isStartup = false
    return { message: { from: this.#from, type, text: '' }, rest: Math.max(8, bytes.readInt32BE(0)) }
  }

  #typedHead(bytes: Buffer): Unfinished | undefined {
    if (bytes.length < 5) return undefined
    const length = Math.max(5, 1 + bytes.readInt32BE(1))
    if (bytes.length < Math.min(length, HEAD_BYTES)) return undefined
    const body = bytes.subarray(5, Math.min(length, HEAD_BYTES))
    const code = String.fromCharCode(bytes[0] as number)
    return { message: typedMessage(this.#from, code, body), rest: length }
  }
}

function opaque(bytes: Buffer): Frame {
  return { bytes, message: undefined, isStart: false, isEnd: false }
}
