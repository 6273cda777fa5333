import type { Request, RequestHandler, Response } from 'express'

/** A handler that may be async: Express 4 does not look at promises by itself. */
export function route(fn: (req: Request, res: Response) => unknown): RequestHandler {
  return (req, res, next) => {
    Promise.resolve()
      .then(() => fn(req, res))
      .catch(next)
  }
}
