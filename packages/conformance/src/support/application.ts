import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ConfigObject, Sharding } from '@sherd/core'
import type { RequestOptions } from '@sherd/core/adapter'
import { openSharding } from '../../../core/test/support/open-sharding.ts'
import { until } from '../../../core/test/support/until.ts'
import type { Group, Handler, HostApp, HostRequest, Route, StartApp } from '../host.ts'

export type Options = Partial<RequestOptions<HostRequest>>

export interface Routes {
  get(path: string, handler: Handler): void
  post(path: string, handler: Handler): void
  all(path: string, handler: Handler): void
}

export interface RouteGroup {
  readonly prefix: string
  readonly options?: Options
  readonly routes: (routes: Routes) => void
}

export interface Application
  extends Pick<HostApp, 'authenticate' | 'beforeBody' | 'whileParsing' | 'onError'> {
  readonly sharding: Sharding
  /** Null: the adapter stands in the groups alone. */
  readonly options?: Options | null
  readonly routes: (routes: Routes) => void
  readonly groups?: readonly RouteGroup[]
}

/** An application as users write it, for the current test. Tenants come in `x-tenant-id`. */
export async function start(
  startApp: StartApp,
  { sharding, options, routes, groups = [], ...hooks }: Application,
): Promise<RunningApplication> {
  const complete = (given?: Options) => ({ sharding, tenant: { header: 'x-tenant-id' }, ...given })
  const server = await startApp({
    ...hooks,
    options: options === null ? undefined : complete(options),
    routes: collected(routes),
    groups: groups.map(
      (group): Group => ({
        prefix: group.prefix,
        options: complete(group.options),
        routes: collected(group.routes),
      }),
    ),
  })
  return new RunningApplication(server)
}

function collected(routes: (routes: Routes) => void): Route[] {
  const all: Route[] = []
  const collect = (method: Route['method']) => (path: string, handler: Handler) => {
    all.push({ method, path, handler })
  }
  routes({ get: collect('GET'), post: collect('POST'), all: collect('ALL') })
  return all
}

export class RunningApplication {
  readonly server: Server
  readonly port: number
  readonly url: string

  constructor(server: Server) {
    this.server = server
    this.port = (server.address() as AddressInfo).port
    this.url = `http://127.0.0.1:${this.port}`
  }

  /** A request of a tenant; `fetch` keeps as many sockets as are needed at once. */
  ask(path: string, tenant?: string, init: RequestInit = {}): Promise<globalThis.Response> {
    const headers = { ...init.headers, ...(tenant === undefined ? {} : { 'x-tenant-id': tenant }) }
    return fetch(`${this.url}${path}`, { ...init, headers })
  }

  /** The JSON of an answer. */
  async json<T = unknown>(path: string, tenant?: string, init?: RequestInit): Promise<T> {
    return (await this.ask(path, tenant, init)).json() as Promise<T>
  }
}

type Pool = NonNullable<NonNullable<ConfigObject['defaults']>['pool']>

/** One shard with the tenants acme and globex, for the current test; nobody who waits is shed. */
export function openShard(url: string, pool: Pool = {}): Sharding {
  const shards = { shard_0: { connection: url, tenants: ['acme', 'globex'] } }
  return openSharding(shards, { pool: { shedTargetMs: null, ...pool } })
}

/** What a shard's pool for writing holds now. */
export function poolOf(sharding: Sharding, shard = 'shard_0') {
  const stats = sharding.stats().shards[shard]
  if (stats === undefined) throw new Error(`no shard ${shard}`)
  return stats.writing
}

/** Settles when nothing is lent and nobody waits: the law that holds after every test. */
export async function atRest(sharding: Sharding, withinMs?: number): Promise<void> {
  await until(
    () =>
      Object.values(sharding.stats().shards).every(({ writing, reading }) =>
        [writing, reading].every(({ active, waiting }) => active === 0 && waiting === 0),
      ),
    withinMs,
  )
}
