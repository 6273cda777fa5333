import http, { type Agent, type ClientRequest, type IncomingMessage } from 'node:http'
import type { AnswerRecord } from '../history/history-record.ts'
import { TENANT_HEADER } from '../host/variant.ts'
import { now } from '../now.ts'
import type { Abort, PlannedRequest } from '../plan/planned-request.ts'

/** How long a client waits for its answer to be complete. */
const PATIENCE_MS = 15_000

export interface Target {
  readonly agent: Agent
  readonly port: number
}

/** Sends a planned request over a real socket, leaves when that is planned, and tells what came of it. Never rejects. */
export function sendRequest(plan: PlannedRequest, { agent, port }: Target): Promise<AnswerRecord> {
  const isJob = plan.kind === 'job' || plan.kind === 'failing-job'
  const body = plan.method === 'POST' ? JSON.stringify({ id: plan.id, padding: 'x'.repeat(200) }) : ''
  const request = http.request({
    agent,
    port,
    host: '127.0.0.1',
    method: plan.method,
    path: `${isJob ? '/jobs' : '/requests'}/${plan.id}`,
    headers: {
      ...(isJob ? {} : { [TENANT_HEADER]: plan.tenant }),
      ...(body === '' ? {} : { 'content-type': 'application/json', 'content-length': body.length }),
    },
  })
  const answer = settle(plan.id, request)
  if (plan.abort?.at === 'upload') request.write(body.slice(0, body.length / 2))
  else request.end(body)
  if (plan.abort !== null) leave(request, plan.abort)
  return answer
}

function leave(request: ClientRequest, abort: Abort): void {
  const destroy = () => {
    // What has come in full cannot be left any more.
    if (!isComplete(request)) request.destroy(new ClientLeft())
  }
  switch (abort.at) {
    case 'sent':
      request.once('finish', destroy)
      break
    case 'headers':
      request.once('response', destroy)
      break
    case 'upload':
      setTimeout(destroy, 5)
      break
    case 'later':
      setTimeout(destroy, abort.afterMs)
  }
}

class ClientLeft extends Error {}

const responses = new WeakMap<ClientRequest, IncomingMessage>()

function isComplete(request: ClientRequest): boolean {
  return responses.get(request)?.complete === true
}

function settle(id: number, request: ClientRequest): Promise<AnswerRecord> {
  const from = now()
  return new Promise((resolve) => {
    const done = (what: Omit<AnswerRecord, 't' | 'id' | 'from' | 'to'>) => {
      clearTimeout(patience)
      resolve({ t: 'answer', id, from, to: now(), ...what })
    }
    const patience = setTimeout(() => {
      done({ outcome: 'silent' })
      request.destroy()
    }, PATIENCE_MS)
    const fail = (error: Error) => {
      if (error instanceof ClientLeft) done({ outcome: 'aborted' })
      else done({ outcome: 'broken', code: (error as NodeJS.ErrnoException).code ?? error.message })
    }
    request.on('error', fail)
    request.on('response', (response) => {
      responses.set(request, response)
      const chunks: Buffer[] = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('error', fail)
      response.on('end', () => done(read(response, Buffer.concat(chunks))))
    })
  })
}

function read(response: IncomingMessage, body: Buffer): Omit<AnswerRecord, 't' | 'id' | 'from' | 'to'> {
  const status = response.statusCode as number
  try {
    const { id, tenant, code } = JSON.parse(body.toString())
    return {
      outcome: 'answered',
      status,
      ...(status === 200 ? { echo: { id, tenant } } : { code: String(code) }),
    }
  } catch {
    return { outcome: 'broken', status, code: `a body of ${body.length} bytes that is no JSON` }
  }
}
