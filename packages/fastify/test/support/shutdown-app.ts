// A Fastify application that ends on signals.
import { hang, lines, options, sharding, tell, work } from '@sherd/conformance/shutdown-app'
import { shardPlugin, shutdownOnSignals } from '@sherd/fastify'
import fastify from 'fastify'

const app = fastify()
app.register(shardPlugin, { sharding })
app.get<{ Params: { id: string } }>('/work/:id', ({ params }) => work(params.id))
app.get<{ Params: { id: string } }>('/lines/:id', (request, reply) => reply.send(lines(request.params.id)))
app.get<{ Params: { id: string } }>('/hang/:id', ({ params }) => hang(params.id))
app.get('/big', async () => Buffer.alloc(30_000_000, 'x'))
const shutdown = shutdownOnSignals(app, sharding, options)
await app.listen({ port: 0, host: '127.0.0.1' })
tell(app.server, shutdown)
