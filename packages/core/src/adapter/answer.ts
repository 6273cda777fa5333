import type { ServerResponse } from 'node:http'

/** What is to be answered over HTTP, whatever the framework. */
export interface Answer {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: object
}

/** What a handler may have said about a body that is then not sent. */
export const HEADERS_OF_ANOTHER_BODY: readonly string[] = [
  'content-encoding',
  'content-language',
  'content-range',
  'etag',
  'last-modified',
]

export function sendAnswer(res: ServerResponse, { status, headers, body }: Answer): void {
  const text = JSON.stringify(body)
  for (const name of HEADERS_OF_ANOTHER_BODY) res.removeHeader(name)
  res.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(text) })
  res.end(text)
}
