import type { AddressInfo } from 'node:net'
import { type ConfigObject, createSharding, type Sharding } from '@sherd/core'
import { type FaultProxy, startProxy } from '@sherd/fault-proxy'
import { type PostgresOptions, type PostgresServer, startPostgres } from '@sherd/local-servers'
import type {} from '@sherd/local-servers/vitest'
import { inject } from 'vitest'
import { Client } from './client.ts'
import { type Framework, type Host, type HostOptions, hosts } from './hosts.ts'
import type {} from './second-server.ts'
import { createDatabaseOn, dropDatabase, View } from './view.ts'

type Shards = Exclude<ConfigObject['shards'], string>
type Pool = NonNullable<NonNullable<ConfigObject['defaults']>['pool']>

export interface StageOptions {
  /** @default 'Express' */
  readonly framework?: Framework
  readonly pool?: Pool
  /** What is said of all shards beside their pool. */
  readonly defaults?: ConfigObject['defaults']
  /** What is said of `shard_0` alone. */
  readonly shard?: (url: string) => Shards[string]
  readonly options?: HostOptions['options']
  readonly routes?: (db: Sharding['db'], sharding: Sharding) => HostOptions['routes']
  /** Statements that each database begins with. */
  readonly schema?: readonly string[]
  /** `shard_0` is reached without its proxy, which shares this process and its event loop. */
  readonly isStraight?: boolean
  /** `shard_0` gets a server of its own, where that is to fail. */
  readonly server?: PostgresOptions
}

/** Tenants of `shard_0`; `initech` is on `shard_1`. */
export const TENANTS = ['acme', 'globex'] as const
export const OTHER_TENANT = 'initech'

/** One shard, its database, and the proxy that stands before it. */
export interface StagedShard {
  readonly name: string
  readonly server: string
  readonly url: string
  readonly proxy: FaultProxy
  readonly isStraight: boolean
  readonly view: View
}

interface StageParts {
  readonly sharding: Sharding
  readonly host: Host
  readonly shards: Stage['shards']
  readonly server: PostgresServer | undefined
}

/** An application over two shards on two servers, with a proxy before each. `shard_0` is the one that suffers. */
export class Stage {
  readonly sharding: Sharding
  readonly client: Client
  readonly shards: readonly [StagedShard, StagedShard]
  readonly #host: Host
  readonly #server: PostgresServer | undefined

  private constructor({ sharding, host, shards, server }: StageParts) {
    this.sharding = sharding
    this.#host = host
    this.shards = shards
    this.#server = server
    this.client = new Client((host.server.address() as AddressInfo).port)
  }

  static async set(options: StageOptions = {}): Promise<Stage> {
    const { framework = 'Express', pool = {}, defaults = {}, routes = () => ({}) } = options
    const server = options.server === undefined ? undefined : await startPostgres(options.server)
    const shards = await Promise.all([
      stageShard('shard_0', server?.url ?? inject('postgresUrl'), options),
      stageShard('shard_1', inject('secondPostgresUrl'), { ...options, isStraight: false }),
    ])
    const [suffering, other] = [addressOf(shards[0]), addressOf(shards[1])]
    const sharding = createSharding({
      config: {
        defaults: { client: 'pg', ...defaults, pool },
        shards: {
          shard_0: { connection: suffering, tenants: [...TENANTS], ...options.shard?.(suffering) },
          shard_1: { connection: other, tenants: [OTHER_TENANT] },
        },
      },
    })
    const hostOptions = { sharding, options: options.options ?? {}, routes: routes(sharding.db, sharding) }
    return new Stage({ sharding, host: await hosts[framework](hostOptions), shards, server })
  }

  /** The server that `shard_0` has to itself. */
  get server(): PostgresServer {
    if (this.#server === undefined) throw new Error('the stage has no server of its own')
    return this.#server
  }

  get proxy(): FaultProxy {
    return this.shards[0].proxy
  }

  /** Of the database of `shard_0`. */
  get view(): View {
    return this.shards[0].view
  }

  get ask(): Client['ask'] {
    return this.client.ask.bind(this.client)
  }

  /** What a shard's pool holds now. */
  pool(shard = 'shard_0') {
    const stats = this.sharding.stats().shards[shard]
    if (stats === undefined) throw new Error(`no shard ${shard}`)
    return stats.writing
  }

  async close(): Promise<void> {
    this.client.close()
    await this.#host.close()
    await this.sharding.close({ deadlineMs: 0 })
    for (const { proxy, view, url, server } of this.shards) {
      await proxy.close()
      await view.close().catch(() => {})
      await dropDatabase(url, server).catch(() => {}) // Its server may be down.
    }
    await this.#server?.stop({ mode: 'immediate' })
  }
}

function addressOf({ isStraight, url, proxy }: StagedShard): string {
  return isStraight ? url : proxy.urlOf(url)
}

async function stageShard(
  name: string,
  server: string,
  { schema = [], isStraight = false }: StageOptions,
): Promise<StagedShard> {
  const url = await createDatabaseOn(server)
  const view = await View.open(url)
  for (const statement of schema) await view.query(statement)
  return { name, server, url, view, isStraight, proxy: await startProxy({ to: url }) }
}
