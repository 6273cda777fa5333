import multipart from '@fastify/multipart'
import type { HostApp, HostResponse, Route, StartApp } from '@sherd/conformance'
import { shardPlugin } from '@sherd/fastify'
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { onTestFinished } from 'vitest'

/** Makes applications of the contract with Fastify. */
export const startHost: StartApp = async ({
  options,
  routes,
  groups = [],
  authenticate,
  beforeBody,
  whileParsing,
  onError,
}) => {
  const app = fastify({ forceCloseConnections: true })
  if (authenticate !== undefined) app.addHook('onRequest', async (request) => void authenticate(request))
  if (options !== undefined) await app.register(shardPlugin, options)
  await app.register(multipart, { attachFieldsToBody: 'keyValues' })
  if (beforeBody !== undefined) app.addHook('preParsing', async (request) => void (await beforeBody(request)))
  parseWith(app, whileParsing)
  if (onError !== undefined) {
    app.setErrorHandler((error, request, reply) => {
      Promise.resolve(onError(error, request, hostResponse(reply))).catch((later) => reply.send(later))
    })
  }
  mount(app, routes)
  for (const { prefix, options: inside, routes: those } of groups) {
    await app.register(
      async (child) => {
        await child.register(shardPlugin, inside)
        mount(child, those)
      },
      { prefix },
    )
  }
  await app.listen({ port: 0, host: '127.0.0.1' })
  onTestFinished(async () => {
    app.server.closeAllConnections()
    await app.close()
  })
  return app.server
}

function mount(app: FastifyInstance, routes: readonly Route[]): void {
  for (const { method, path, handler } of routes) {
    app.route({
      method: method === 'ALL' ? app.supportedMethods : method,
      url: path,
      handler: (request, reply) => {
        Promise.resolve()
          .then(() => handler(request, hostResponse(reply)))
          .catch((error) => reply.send(error))
      },
    })
  }
}

function hostResponse(reply: FastifyReply): HostResponse {
  return {
    json: (value) => void reply.type('application/json').send(JSON.stringify(value)),
    stream: (body) => void reply.send(body),
    bare: () => reply.hijack().raw,
  }
}

function parseWith(app: FastifyInstance, whileParsing: HostApp['whileParsing']): void {
  const parsers = {
    'application/json': JSON.parse,
    'application/x-www-form-urlencoded': (text: string) => Object.fromEntries(new URLSearchParams(text)),
    'application/octet-stream': (text: string) => text,
  }
  app.addContentTypeParser('application/x-ndjson', (_request, payload, done) => done(null, payload))
  for (const [type, parse] of Object.entries(parsers)) {
    app.removeContentTypeParser(type)
    app.addContentTypeParser(type, { parseAs: 'string' }, (request, body, done) => {
      whileParsing?.(request)
      done(null, parse(body as string))
    })
  }
}
