import { type PostgresServer, startPostgres } from '@sherd/local-servers'

export interface Databases extends AsyncDisposable {
  /** What the shards' configuration files ask of the environment. */
  readonly env: Readonly<Record<string, string>>
  /** Of the two servers, in order. */
  readonly ports: readonly [number, number]
  /** The one that has shard_2 alone. */
  readonly secondServer: PostgresServer
}

/** Starts two PostgreSQL servers with three databases: shard_0 and shard_1 on the first, shard_2 on the second. */
export async function startDatabases(): Promise<Databases> {
  const [first, second] = await Promise.all([startPostgres(), startPostgres()])
  return {
    env: {
      SHARD_0_DATABASE_URL: await first.createDatabase('shard_0'),
      SHARD_1_DATABASE_URL: await first.createDatabase('shard_1'),
      SHARD_2_DATABASE_URL: await second.createDatabase('shard_2'),
    },
    ports: [first.port, second.port],
    secondServer: second,
    async [Symbol.asyncDispose]() {
      await Promise.all([first.stop(), second.stop()])
    },
  }
}
