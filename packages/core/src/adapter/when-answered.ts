import type { ServerResponse } from 'node:http'

/**
 * Calls `callback` as soon as `end()` has been called on the response.
 *
 * Not on `finish`, which waits for a slow reader, nor on `prefinish`, which waits for the answers before this one
 * where requests are pipelined: neither needs a connection.
 */
export function whenAnswered(res: ServerResponse, callback: () => void): void {
  const { end } = res
  res.end = function (this: ServerResponse, ...args: Parameters<ServerResponse['end']>) {
    const result = Reflect.apply(end, this, args)
    callback()
    return result
  } as ServerResponse['end']
}
