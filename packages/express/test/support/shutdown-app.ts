// An Express application that ends on signals; its argument is the version of Express.
import { hang, lines, options, sharding, tell, work } from '@sherd/conformance/shutdown-app'
import { shardMiddleware, shutdownOnSignals } from '@sherd/express'
import express5 from 'express'
import express4 from 'express4'
import { route } from './route.ts'

const express = process.argv[2] === '4' ? express4 : express5
const app = express()
app.use(shardMiddleware({ sharding }))
app.get(
  '/work/:id',
  route(async ({ params }, res) => res.send(await work(params['id'] as string))),
)
app.get('/lines/:id', ({ params }, res) => void lines(params.id).pipe(res))
app.get(
  '/hang/:id',
  route(({ params }) => hang(params['id'] as string)),
)
app.get('/big', (_req, res) => void res.send(Buffer.alloc(30_000_000, 'x')))
const server = app.listen(0, '127.0.0.1', () => tell(server, shutdown))
const shutdown = shutdownOnSignals(server, sharding, options)
