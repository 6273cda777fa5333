import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { HeaderLine } from './signed-stamps.ts'

type Given = OutgoingHttpHeaders | OutgoingHttpHeader[] | undefined
type WriteHead = (this: ServerResponse, ...args: unknown[]) => ServerResponse

/**
 * Asks `lines` for headers in the instant in which those of the answer are sent, and adds them. `isComplete` says whether
 * the whole answer is known by then: it comes from `end()`, or its length is told. Cookies that are set otherwise stay.
 */
export function addHeadersTo(
  res: ServerResponse,
  lines: (isComplete: boolean) => readonly HeaderLine[],
): void {
  const { end, writeHead } = res
  let isEnding = false
  res.end = function (this: ServerResponse, ...args: Parameters<ServerResponse['end']>) {
    isEnding = true
    return Reflect.apply(end, this, args)
  } as ServerResponse['end']
  // Node calls it, too, for headers that nobody has written himself.
  const adding: WriteHead = function (...args) {
    if (this.headersSent) return Reflect.apply(writeHead, this, args)
    const at = args.findLastIndex((arg) => typeof arg === 'object' && arg !== null)
    let given = (at === -1 ? undefined : args[at]) as Given
    for (const line of lines(isEnding || knowsLength(this, given))) given = withLine(this, given, line)
    if (at !== -1) args[at] = given
    return Reflect.apply(writeHead, this, args)
  }
  res.writeHead = adding as ServerResponse['writeHead']
}

function knowsLength(res: ServerResponse, given: Given): boolean {
  return res.hasHeader('content-length') || namesIn(given).includes('content-length')
}

/** What `writeHead` is given replaces what the response has: so a cookie goes where the other cookies are. */
function withLine(res: ServerResponse, given: Given, [name, value]: HeaderLine): Given {
  if (!namesIn(given).includes(name)) {
    const before = [res.getHeader(name) ?? []].flat()
    res.setHeader(name, [...before, value].map(String))
    return given
  }
  if (Array.isArray(given)) return [...flat(given), name, value]
  const before = Object.entries(given ?? {})
  return Object.fromEntries(
    before.map(([key, existing]) =>
      key.toLowerCase() === name ? [key, [existing ?? [], value].flat().map(String)] : [key, existing],
    ),
  )
}

function namesIn(given: Given): readonly string[] {
  const names = Array.isArray(given)
    ? flat(given).filter((_, index) => index % 2 === 0)
    : Object.keys(given ?? {})
  return names.map((name) => String(name).toLowerCase())
}

/** Node takes pairs, too. */
function flat(given: OutgoingHttpHeader[]): OutgoingHttpHeader[] {
  return Array.isArray(given[0]) ? (given.flat() as OutgoingHttpHeader[]) : given
}
