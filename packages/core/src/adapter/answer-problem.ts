import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Problem, toProblem } from './problem.ts'
import { requestState } from './request-state.ts'

/** What was said about a body that is not sent now. */
const ABOUT_ANOTHER_BODY = ['content-encoding', 'content-language', 'content-range', 'etag', 'last-modified']

/**
 * Answers a request with the problem that {@link toProblem} makes of an error. False, and nothing has been done, when
 * the error is for the application's own error handling or an answer has begun already.
 *
 * The shard is named unless `exposeShard`, or else the options of the request's middleware, say otherwise.
 */
export function answerProblem(
  req: IncomingMessage,
  res: ServerResponse,
  error: unknown,
  options: { readonly exposeShard?: boolean | undefined } = {},
): boolean {
  if (res.headersSent) return false
  const exposeShard = options.exposeShard ?? requestState(req).exposeShard ?? true
  const problem = toProblem(error, { exposeShard })
  if (problem === undefined) return false
  send(res, problem)
  return true
}

function send(res: ServerResponse, { status, headers, body }: Problem): void {
  const text = JSON.stringify(body)
  for (const name of ABOUT_ANOTHER_BODY) res.removeHeader(name)
  res.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(text) })
  res.end(text)
}
