import { type Answer, HEADERS_OF_ANOTHER_BODY, type NodeHost, problemFor } from '@sherd/core/adapter'
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify'

/**
 * Fastify's request as the adapter door wants it; answers go through Fastify, and so through its `onSend` hooks. A class,
 * for each request makes one, and a literal with getters takes ten times as long.
 */
export class FastifyHost implements NodeHost<FastifyRequest> {
  readonly request: FastifyRequest
  readonly #reply: FastifyReply

  constructor(request: FastifyRequest, reply: FastifyReply) {
    this.request = request
    this.#reply = reply
  }

  get req(): FastifyRequest['raw'] {
    return this.request.raw
  }

  get res(): FastifyReply['raw'] {
    return this.#reply.raw
  }

  get isAnswered(): boolean {
    return this.#reply.sent
  }

  get requestId(): string {
    return this.request.id
  }

  get route(): string | undefined {
    return this.request.routeOptions.url
  }

  answer(problem: Answer): void {
    answer(this.#reply, problem)
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
