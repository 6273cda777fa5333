import type { ConfigObject, Sharding } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import pg from 'pg'
import { onTestFinished } from 'vitest'
import { engine } from '../support/engine.ts'
import { openSharding } from '../support/open-sharding.ts'
import { until } from '../support/until.ts'

type Shards = Exclude<ConfigObject['shards'], string>

/** An address at which nobody listens. */
export const NOWHERE = 'postgres://postgres@127.0.0.1:1/nothing'

export interface OpenShards {
  readonly sharding: Sharding
  readonly names: readonly string[]
  /** Connections lent or being cleaned, and callers in queues, on all shards. */
  busy(): number
  nothingBusy(): Promise<void>
  /** The same shards, with these limits of their pools from now on. */
  reload(pool: object): Promise<void>
  /** What the server runs for these shards at this moment, and how often it does. */
  running(text: string): Promise<number>
}

export interface ShardsOptions {
  readonly count: number
  readonly pool?: object
  /** What is otherwise for one of them, by its number. */
  readonly shard?: (number: number) => object
}

const database = await createDatabase()

/** Shards as schemas of one database, with a table `items` each, and a connection beside to look at the server. */
export async function openShards({
  count,
  pool = {},
  shard = () => ({}),
}: ShardsOptions): Promise<OpenShards> {
  const client = new pg.Client({ connectionString: database })
  await client.connect()
  onTestFinished(() => client.end())
  const numbers = Array.from({ length: count }, (_, number) => number)
  for (const number of numbers) {
    const schema = `shard_${number}`
    await client.query(
      `drop schema if exists ${schema} cascade; create schema ${schema};
       create table ${schema}.items (id int, name text)`,
    )
  }
  const shards: Shards = Object.fromEntries(
    numbers.map((number) => {
      const session = { search_path: `shard_${number}`, application_name: 'fan-out' }
      return [
        `shard_${number}`,
        { connection: database, session, tenants: [`tenant-${number}`], ...shard(number) },
      ]
    }),
  )
  const sharding = openSharding(shards, { pool })
  const busy = () =>
    Object.values(sharding.stats().shards).reduce(
      (sum, { writing }) => sum + writing.active + writing.waiting,
      0,
    )
  return {
    sharding,
    names: sharding.shardNames,
    busy,
    async nothingBusy() {
      await until(() => busy() === 0)
    },
    async reload(limits) {
      await sharding.reload({ config: { defaults: { client: engine.client, pool: limits }, shards } })
    },
    async running(text) {
      const { rows } = await client.query(
        `select count(*)::int as count from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and state = 'active' and query like $1`,
        [`%${text}%`],
      )
      return rows[0].count
    },
  }
}
