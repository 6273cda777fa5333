import type { IncomingMessage, ServerResponse } from 'node:http'
import { sendAnswer } from './answer.ts'
import { type Problem, toProblem } from './problem.ts'
import { requestState } from './request-state.ts'

export interface ProblemOptions {
  /** Name the shard in 503 answers. @default as the options of the request's middleware say */
  readonly exposeShard?: boolean | undefined
}

/**
 * The problem that {@link toProblem} makes of an error, in the words for this request; undefined when the error is for
 * the application's own error handling.
 */
export function problemFor(
  req: IncomingMessage,
  error: unknown,
  options: ProblemOptions = {},
): Problem | undefined {
  return toProblem(error, { exposeShard: options.exposeShard ?? requestState(req).exposeShard ?? true })
}

/** Answers a request with {@link problemFor}. False, and nothing has been done, without one or in mid-answer. */
export function answerProblem(
  req: IncomingMessage,
  res: ServerResponse,
  error: unknown,
  options: ProblemOptions = {},
): boolean {
  if (res.headersSent) return false
  const problem = problemFor(req, error, options)
  if (problem === undefined) return false
  sendAnswer(res, problem)
  return true
}
