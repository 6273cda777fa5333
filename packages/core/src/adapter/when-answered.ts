import type { ServerResponse } from 'node:http'

/**
 * Calls `callback` as soon as `end()` has been called on the response.
 *
 * Not on `finish`, which waits for a slow reader, nor on `prefinish`, which waits for the answers before this one
 * where requests are pipelined: neither needs a connection.
 */
export function whenAnswered(res: ServerResponse, callback: () => void): void {
  const { end } = res
  const answering = function (this: ServerResponse, ...args: Parameters<ServerResponse['end']>) {
    const result = Reflect.apply(end, this, args)
    // Node keeps responses for longer than they last: they should not keep what the callback leads to.
    if (res.end === answering) res.end = end
    callback()
    return result
  } as ServerResponse['end']
  res.end = answering
}
