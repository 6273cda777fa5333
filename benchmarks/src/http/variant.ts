import type { IncomingMessage } from 'node:http'
import type { RequestHandler } from 'express'
import type { FastifyInstance } from 'fastify'
import type { Project } from './dataset.ts'

/** Whether sessions are cleaned before others get them; `auto` only where the variant can tell that it is needed. */
export type Hygiene = 'off' | 'on' | 'auto'

export interface VariantOptions {
  readonly url: string
  readonly poolMax: number
  readonly hygiene: Hygiene
  /** By which the server tells its connections from others'. */
  readonly applicationName: string
}

export interface Reads {
  readonly ids: readonly number[]
  readonly inTransaction: boolean
}

/** One way to take requests to their tenant's database. */
export interface Variant {
  /** Stands before the routes. */
  readonly express?: RequestHandler
  /** The same for Fastify; absent where nobody compares it. */
  readonly fastify?: (app: FastifyInstance) => void
  /** Of the request that is being served. */
  tenantOf(req: IncomingMessage): string
  /** One query for each id. */
  read(req: IncomingMessage, reads: Reads): Promise<Project[]>
  /** One query that takes the server so long. */
  sleep(req: IncomingMessage, seconds: number): Promise<void>
  close(): Promise<void>
}
