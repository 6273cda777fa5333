import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A way to a PostgreSQL server on which everything may fall silent, with all sockets open. For the current test. */
export interface SilencingProxy {
  readonly url: string
  /** Nothing passes any more, nor does anything on new connections. */
  fallSilent(): void
  /** The server hears what is said, and nobody hears the server. */
  fallSilentTowardsClient(): void
  /** New connections are as they should be; those that have fallen silent stay so. */
  speak(): void
  speakToNewcomers(): void
}

export async function silencingProxy(url: string): Promise<SilencingProxy> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  let generation = { up: true, down: true }
  const server = createServer((socket) => {
    const mine = generation
    const upstream = connect(Number(target.port), target.hostname)
    for (const end of [socket, upstream]) {
      sockets.add(end)
      end.on('error', () => {})
    }
    socket.on('data', (chunk) => void (mine.up && upstream.write(chunk)))
    upstream.on('data', (chunk) => void (mine.down && socket.write(chunk)))
    socket.on('close', () => upstream.destroy())
    upstream.on('close', () => void (mine.down && socket.destroy()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const own = new URL(url)
  own.port = String((server.address() as { port: number }).port)
  own.hostname = '127.0.0.1'
  const speak = () => {
    if (!generation.up || !generation.down) generation = { up: true, down: true }
  }
  return {
    url: own.href,
    fallSilent: () => void Object.assign(generation, { up: false, down: false }),
    fallSilentTowardsClient: () => void Object.assign(generation, { down: false }),
    speak,
    speakToNewcomers: speak,
  }
}
