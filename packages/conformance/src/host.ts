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

/** An application that a framework is to make: adapter, then body parsers for what is common, then routes. */
export interface HostApp {
  /** With `sharding`, and a source of tenants. */
  readonly options: RequestOptions<HostRequest> & { readonly sharding: Sharding }
  readonly routes: readonly Route[]
  /** Awaited inside of the scope, before the body is read. */
  readonly beforeBody?: ((req: HostRequest) => unknown) | undefined
  /** Called in the middle of parsing JSON and urlencoded bodies. */
  readonly whileParsing?: ((req: HostRequest) => void) | undefined
  /** The application's own error handling; without it errors of Sherd are problem documents, others 500 and a code. */
  readonly onError?: ((error: unknown, req: HostRequest, res: HostResponse) => unknown) | undefined
}

/** Listens on a free port of 127.0.0.1 until the current test ends. */
export type StartApp = (app: HostApp) => Promise<Server>
