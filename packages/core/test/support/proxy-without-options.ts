import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

const CANCEL_REQUEST = 80_877_102

/**
 * The URL of a proxy before a PostgreSQL server that, as PgBouncer does, takes no start-up options. For the current test.
 */
export async function proxyWithoutOptions(
  url: string,
): Promise<{ readonly url: string; refusedCount(): number }> {
  let refusedCount = 0
  const target = new URL(url)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    // The start-up packet is small, and the client sends it at once.
    socket.once('data', (packet) => {
      const isCancel = packet.readInt32BE(4) === CANCEL_REQUEST
      if (!isCancel && packet.includes('\0options\0')) {
        refusedCount++
        socket.end(errorResponse('08P01', 'unsupported startup parameter: options'))
        return
      }
      const upstream = connect(Number(target.port), target.hostname)
      sockets.add(upstream)
      upstream.on('error', () => socket.destroy())
      upstream.write(packet)
      socket.pipe(upstream).pipe(socket)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const { port } = server.address() as { port: number }
  const own = new URL(url)
  own.port = String(port)
  own.hostname = '127.0.0.1'
  return { url: own.href, refusedCount: () => refusedCount }
}

/** https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-ERRORRESPONSE */
function errorResponse(code: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0C${code}\0M${message}\0\0`)
  const head = Buffer.alloc(5)
  head.write('E')
  head.writeInt32BE(fields.length + 4, 1)
  return Buffer.concat([head, fields])
}
