import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type Readable, Transform } from 'node:stream'
import express, { type ErrorRequestHandler } from 'express'
import fastify from 'fastify'
import type { HistoryRecord } from '../history/history-record.ts'
import type { Framework } from '../plan/placement.ts'
import { type PlannedRequest, plannedRequest } from '../plan/planned-request.ts'
import { handle, type Reply } from './handler.ts'
import type { Variant } from './variant.ts'

export interface AppOptions {
  readonly variant: Variant
  readonly seed: number
  readonly observe: (record: HistoryRecord) => void
}

/** `/requests/<id>` and `/jobs/<id>` do what is planned for that request, on either framework. */
export const APPS: Readonly<Record<Framework, (options: AppOptions) => Promise<Server>>> = {
  async express(options) {
    const app = express()
    // A client may take seconds to send the rest of its body.
    app.use(express.json())
    options.variant.mountOnExpress(app, () => {
      app.all('/requests/:id', async (req, res) => {
        const { plan, reply } = await serve(options, req, res, req.params.id)
        if (reply === undefined) res.json(echo(plan))
        else pipeTo(res, plan, reply)
      })
      app.post('/jobs/:id', async (req, res) => {
        res.json(echo(await runJob(options, req.params.id)))
      })
    })
    app.use(answer500)
    const server = createServer(app)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return server
  },

  async fastify(options) {
    const app = fastify({ forceCloseConnections: true })
    await options.variant.mountOnFastify(app)
    app.all<{ Params: { id: string } }>('/requests/:id', async (request, reply) => {
      const { plan, reply: body } = await serve(options, request.raw, reply.raw, request.params.id)
      if (body === undefined) return echo(plan)
      return reply.type('application/json').send(inJson(plan, body))
    })
    app.post<{ Params: { id: string } }>('/jobs/:id', async (request) =>
      echo(await runJob(options, request.params.id)),
    )
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app.server
  },
}

async function serve(
  { variant, seed, observe }: AppOptions,
  req: IncomingMessage,
  res: ServerResponse,
  id: string,
): Promise<{ plan: PlannedRequest; reply: Reply }> {
  const plan = plannedRequest(seed, Number(id))
  const answered = new Promise((resolve) => res.once('close', resolve))
  const isOver = () => res.writableEnded || res.destroyed
  const reply = await handle({ plan, access: variant.accessOf(req, plan.id), observe, answered, isOver })
  return { plan, reply }
}

async function runJob({ variant, seed, observe }: AppOptions, id: string): Promise<PlannedRequest> {
  const plan = plannedRequest(seed, Number(id))
  const answered = Promise.resolve()
  await variant.job(plan.tenant, plan.id, (access) =>
    handle({ plan, access, observe, answered, isOver: () => false }),
  )
  return plan
}

/** Whose answer it is. */
function echo({ id, tenant }: PlannedRequest): { id: number; tenant: string } {
  return { id, tenant }
}

const answer500: ErrorRequestHandler = (error, _req, res, next) => {
  if (res.headersSent) next(error)
  else res.status(500).json({ code: error.code ?? error.message })
}

function pipeTo(res: ServerResponse, plan: PlannedRequest, rows: Readable): void {
  const body = inJson(plan, rows)
  res.setHeader('content-type', 'application/json')
  // As `pipeline` does, without its complaint about a response that was closed early.
  body.on('error', () => res.destroy())
  res.on('close', () => body.destroy())
  body.pipe(res)
}

/** The echo with all rows as they come; ends with an error if they do. */
function inJson(plan: PlannedRequest, rows: Readable): Readable {
  let separator = `${JSON.stringify(echo(plan)).slice(0, -1)},"rows":[`
  const body = new Transform({
    writableObjectMode: true,
    transform(row, _encoding, callback) {
      callback(null, `${separator}${JSON.stringify(row)}`)
      separator = ','
    },
    flush(callback) {
      callback(null, `${separator === ',' ? '' : separator}]}`)
    },
    destroy(error, callback) {
      rows.destroy()
      callback(error)
    },
  })
  rows.on('error', (error) => body.destroy(error))
  return rows.pipe(body)
}
