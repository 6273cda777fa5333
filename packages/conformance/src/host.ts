import type { IncomingHttpHeaders, Server, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Sharding } from '@sherd/core'
import type { RequestOptions, RequestShard } from '@sherd/core/adapter'

/** What all frameworks' requests have, under the same names. */
export interface HostRequest {
  readonly headers: IncomingHttpHeaders
  readonly params: unknown
  readonly body?: unknown
  readonly shard?: RequestShard | undefined
}

export interface HostResponse {
  /** Answers through the framework. */
  json(value: unknown): void
  /** The same with a stream for a body. */
  stream(body: Readable): void
  /** Node's response, which the framework leaves alone from now on. */
  bare(): ServerResponse
}

export type Handler = (req: HostRequest, res: HostResponse) => unknown

export interface Route {
  readonly method: 'GET' | 'POST' | 'ALL'
  /** May have segments such as `:number`. */
  readonly path: string
  /** What it throws or rejects with is for the framework's error handling. */
  readonly handler: Handler
}

/** Options of the adapter, with `sharding` and a source of tenants. */
export type HostOptions = RequestOptions<HostRequest> & { readonly sharding: Sharding }

/** Routes below a path, with the adapter once more: a router inside, or an encapsulated plugin. */
export interface Group {
  readonly prefix: string
  readonly options: HostOptions
  readonly routes: readonly Route[]
}

/**
 * An application that a framework is to make: authentication, adapter, body parsers for what is common, routes. Bodies
 * of type `application/x-ndjson` are left to handlers, as the request itself or as its `body`.
 */
export interface HostApp {
  /** Undefined: the adapter stands in the groups alone. */
  readonly options: HostOptions | undefined
  readonly routes: readonly Route[]
  readonly groups?: readonly Group[] | undefined
  /** Called with each request before the adapter sees it. */
  readonly authenticate?: ((req: HostRequest) => void) | undefined
  /** Awaited inside of the scope, before the body is read. */
  readonly beforeBody?: ((req: HostRequest) => unknown) | undefined
  /** Called in the middle of parsing JSON and urlencoded bodies. */
  readonly whileParsing?: ((req: HostRequest) => void) | undefined
  /** The application's own error handling; without it errors of Sherd are problem documents, others 500 and a code. */
  readonly onError?: ((error: unknown, req: HostRequest, res: HostResponse) => unknown) | undefined
}

/** Listens on a free port of 127.0.0.1 until the current test ends. */
export type StartApp = (app: HostApp) => Promise<Server>
