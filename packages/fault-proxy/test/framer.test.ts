import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Framer } from '../src/framer.ts'

const typed = (code: string, body: string | Buffer) => {
  const bytes = Buffer.from(body)
  const head = Buffer.alloc(5)
  head.write(code)
  head.writeInt32BE(bytes.length + 4, 1)
  return Buffer.concat([head, bytes])
}
const untyped = (code: number, body = '') => {
  const head = Buffer.alloc(8)
  head.writeInt32BE(8 + body.length)
  head.writeInt32BE(code, 4)
  return Buffer.concat([head, Buffer.from(body)])
}

const SSL = 80877103
const startup = untyped(196608, 'user\0postgres\0\0')

interface Seen {
  readonly type: string | undefined
  readonly text: string | undefined
  bytes: number
  isWhole: boolean
}

/** What is seen of messages that arrive in these chunks. */
function seen(chunks: readonly Buffer[], framer = new Framer('client', { encryption: 'none' })): Seen[] {
  const messages: Seen[] = []
  for (const { message, bytes, isStart, isEnd } of chunks.flatMap((chunk) => framer.push(chunk))) {
    if (isStart || message === undefined)
      messages.push({ type: message?.type, text: message?.text, bytes: 0, isWhole: false })
    const last = messages.at(-1) as Seen
    last.bytes += bytes.length
    last.isWhole = isEnd
  }
  return messages
}

test('messages are told apart however the bytes are cut', () => {
  const stream = Buffer.concat([
    startup,
    typed('p', 'password\0'),
    typed('Q', `select '${'x'.repeat(5000)}'\0`),
    typed('P', 'name\0insert into t values ($1)\0\0\0'),
    typed('S', ''),
    typed('Q', 'COMMIT\0'),
    typed('X', ''),
  ])
  const expected = ['StartupMessage', 'PasswordMessage', 'Query', 'Parse', 'Sync', 'Query', 'Terminate']
  const whole = seen([stream])
  expect(whole.map(({ type }) => type)).toEqual(expected)
  expect(whole[3]?.text).toBe('insert into t values ($1)')
  expect(whole[5]?.text).toBe('COMMIT')
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: stream.length - 1 }), { maxLength: 200 })
  fc.assert(
    fc.property(cuts, (at) => {
      const bounds = [0, ...at.sort((a, b) => a - b), stream.length]
      const chunks = bounds.slice(1).map((end, index) => stream.subarray(bounds[index], end))
      expect(seen(chunks)).toEqual(whole)
    }),
  )
})

test('nothing of a message comes before it is known, and what never comes whole is not lost', () => {
  const framer = new Framer('client', { encryption: 'none' })
  framer.push(startup)
  const commit = typed('Q', 'COMMIT\0')
  expect(framer.push(commit.subarray(0, 8))).toEqual([])
  expect(framer.takeHeld()).toEqual(commit.subarray(0, 8))
  expect(framer.takeHeld()).toHaveLength(0)
})

test('long messages are passed on in parts, and only their head is kept', () => {
  const framer = new Framer('client', { encryption: 'none' })
  framer.push(startup)
  const long = typed('d', Buffer.alloc(1_000_000))
  expect(framer.push(long.subarray(0, 1000))).toEqual([])
  const frames = framer.push(long.subarray(1000, 2000))
  expect(frames.map(({ bytes, isStart, isEnd }) => [bytes.length, isStart, isEnd])).toEqual([
    [2000, true, false],
  ])
})

test('a refused encryption is followed by a start-up in the clear, an accepted one by nothing that can be read', () => {
  for (const [answer, type] of [
    ['N', 'StartupMessage'],
    ['S', undefined],
  ] as const) {
    const conversation = { encryption: 'none' as const }
    const client = new Framer('client', conversation)
    const server = new Framer('server', conversation)
    expect(seen([untyped(SSL)], client).map((message) => message.type)).toEqual(['SSLRequest'])
    expect(seen([Buffer.from(answer)], server)).toEqual([
      { type: 'EncryptionResponse', text: answer, bytes: 1, isWhole: true },
    ])
    expect(seen([startup], client).map((message) => message.type)).toEqual([type])
  }
})

test('a request to cancel is known as such', () => {
  expect(seen([untyped(80877102, '12345678')])).toEqual([
    { type: 'CancelRequest', text: '', bytes: 16, isWhole: true },
  ])
})
