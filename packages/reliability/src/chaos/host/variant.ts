import type { IncomingMessage } from 'node:http'
import type { Express } from 'express'
import type { FastifyInstance } from 'fastify'
import type { Access } from './access.ts'

/** What a host holds at this moment. */
export interface Holdings {
  readonly leases: number
  readonly waiting: number
  readonly connections: number
  /** Sum of all pools' `max`. */
  readonly max: number
}

/** A way of taking requests to their tenants' databases: Sherd, or what one would write without it. */
export interface Variant {
  /** Mounts what it needs around what `mountRoutes` mounts. */
  mountOnExpress(app: Express, mountRoutes: () => void): void
  mountOnFastify(app: FastifyInstance): Promise<void>
  /** For a request that has passed what was mounted. */
  accessOf(request: IncomingMessage, id: number): Access
  job<T>(tenant: string, id: number, fn: (access: Access) => Promise<T>): Promise<T>
  holdings(): Holdings
  close(): Promise<void>
}

export interface VariantOptions {
  /** URLs of the shards' databases by name. */
  readonly shards: Readonly<Record<string, string>>
  /** Connections of a pool at most. */
  readonly max: number
  readonly checkoutTimeoutMs: number
  readonly connectTimeoutMs: number
}

/** Where requests carry their tenant. */
export const TENANT_HEADER = 'x-tenant-id'
