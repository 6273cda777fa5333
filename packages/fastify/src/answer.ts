import { type Answer, HEADERS_OF_ANOTHER_BODY, type NodeHost, problemFor } from '@sherd/core/adapter'
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify'

/** Fastify's request as the adapter door wants it; answers go through Fastify, and so through its `onSend` hooks. */
export function hostOf(request: FastifyRequest, reply: FastifyReply): NodeHost<FastifyRequest> {
  return {
    request,
    req: request.raw,
    res: reply.raw,
    get isAnswered() {
      return reply.sent
    },
    requestId: request.id,
    get route() {
      return request.routeOptions.url
    },
    answer: (problem) => answer(reply, problem),
  }
}

/**
 * Has a route answer errors of Sherd, such as a connection that could not be had in its handler, where nobody else
 * would: neither the route nor a plugin around it has an error handler of its own.
 */
export function answerErrorsOf(route: RouteOptions): void {
  route.errorHandler ??= (error, request, reply) => {
    const { errorHandler } = request.server
    // Fastify's own, for which it has no other mark (https://fastify.dev/docs/latest/Reference/Server/#errorhandler).
    const isLeftToFastify = errorHandler.name === 'defaultErrorHandler'
    const problem = isLeftToFastify ? problemFor(request.raw, error) : undefined
    if (problem !== undefined) answer(reply, problem)
    // Thrown, an error goes on to the next handler; anything else would be sent as a payload.
    else if ((error as unknown) instanceof Error) throw error
    else errorHandler(error, request, reply)
  }
}

export function answer(reply: FastifyReply, { status, headers, body }: Answer): void {
  for (const name of HEADERS_OF_ANOTHER_BODY) reply.removeHeader(name)
  // To text Fastify would add a charset, which `application/problem+json` does not have.
  reply
    .code(status)
    .headers(headers)
    .send(Buffer.from(JSON.stringify(body)))
}
