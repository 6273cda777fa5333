import type { IncomingHttpHeaders } from 'node:http'
import type { Role } from '../pool/pool-registry.ts'
import type { Scope, TenantId } from '../scope/scope.ts'
import type { Sharding } from '../sharding.ts'
import type { ReadFromReplicasOptions } from './read-from-replicas.ts'

/** What a request that runs scoped carries as `req.shard`. */
export interface RequestShard {
  /** Name of the shard. */
  readonly name: string
  readonly tenant?: string
  readonly scope: Scope
  readonly sharding: Sharding
  /** Aborts when the client goes away before the answer is complete. */
  readonly signal: AbortSignal
}

/**
 * Where a request says which tenant it is about. It identifies, it does not authorise: whether the user may act for
 * that tenant is for the application's authentication to decide, which belongs before the middleware.
 */
export type TenantSource<R> =
  /** A header, sent once. */
  | { readonly header: string }
  /** The one label of the host name before this base domain: with `example.com`, `acme` of `acme.example.com`. */
  | { readonly subdomain: string }
  /** A segment of the path: `/t/:tenant` finds `acme` in `/t/acme/projects`. */
  | { readonly path: string }
  | { readonly cookie: string }
  /** A claim of the token that the application has verified and put into `req.auth` or `req.user`. */
  | { readonly claim: string }
  | ((req: R) => TenantId | undefined | Promise<TenantId | undefined>)

export interface RequestOptions<R> {
  /** @default the default Sharding, made from `./config` */
  readonly sharding?: Sharding
  /** A list is asked in order; the first that answers counts. @default `tenant` of the configuration */
  readonly tenant?: TenantSource<R> | readonly TenantSource<R>[]
  /** Refuse requests without a tenant (400) instead of running them unscoped. OPTIONS is never refused. @default false */
  readonly required?: boolean
  /** Paths to leave alone: texts match whole segments from the start (`/health` also `/health/live`). */
  readonly skip?: readonly (string | RegExp)[] | ((req: R) => boolean)
  /**
   * When the connection is taken: `eager` before the handler, `lazy` with the first query, `auto` eager unless a
   * body is still to be read, for a slow upload must not hold a connection. @default 'auto'
   */
  readonly checkout?: 'auto' | 'eager' | 'lazy'
  /** @default 'writing'; with `readFromReplicas` the role that the method stands for */
  readonly role?: Role
  /**
   * Let requests that only read (GET and HEAD) run in the role `reading`, and so on replicas, for as long as their client
   * has not written to the shard within the last two seconds. @default false
   */
  readonly readFromReplicas?: boolean | ReadFromReplicasOptions<R>
  /** Answer 400, 404 and 503 here, or hand the error to the framework. @default 'respond' */
  readonly onUnavailable?: 'respond' | 'next'
  /** What a query after the response gets: a short connection of its own, or LeaseRevokedError. @default 'detach' */
  readonly afterResponse?: 'detach' | 'reject'
  /**
   * What happens to a running query when the client goes away: `cancel` it on the server, let it `finish`, or
   * `auto`: cancel for GET and HEAD. @default 'auto'
   */
  readonly onAbort?: 'auto' | 'cancel' | 'finish'
  /** Name the shard in 503 answers. @default true */
  readonly exposeShard?: boolean
  /**
   * Let code in a request's scope, which is locked, ask other shards with `fanOut` and its like. Who may see all
   * tenants' data is for the application to decide: set it for such routes alone. @default false
   */
  readonly allowFanOut?: boolean
  /**
   * Options that differ for this request; undefined for none. Each object is compiled once, so let requests of one
   * kind get the same one, and never change it.
   */
  readonly perRequest?: (req: R) => Omit<RequestOptions<R>, 'perRequest' | 'sharding'> | undefined
}

/** The parts of a request that every framework has. */
export interface RequestParts {
  readonly method: string
  /** Path and query, or an absolute URL. */
  readonly url: string
  readonly headers: Headers | IncomingHttpHeaders
  /** As Node keeps them, where it does: they show a header that was sent twice. */
  readonly rawHeaders?: readonly string[]
  readonly signal?: AbortSignal
  /** Pattern of the route that serves the request, such as `/projects/:id`, once it is known: for reports. */
  readonly route?: () => string | undefined
  /** The framework's own id of the request, where it gives one: for logs and events. */
  readonly requestId?: () => unknown
  /** Adds a header to the answer, beside those of that name: for what `readFromReplicas` has clients carry. */
  readonly addHeader?: (name: string, value: string) => void
}
