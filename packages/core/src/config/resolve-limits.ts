import { FrozenMap } from '../util/frozen-map.ts'
import { given } from './given.ts'
import type { Reading } from './reading.ts'
import type { LimitsConfig, ServerConfig, ShardConfig } from './resolved-config.ts'
import { limitsDefaults } from './schema/limits-schema.ts'
import type { ShardingInput } from './schema/sharding-schema.ts'
import { serverAddress, shortAddress } from './server-address.ts'

export function resolveLimits(main: Reading<ShardingInput>): LimitsConfig {
  return Object.freeze({ ...limitsDefaults, ...given(main.value.limits) })
}

interface Described {
  readonly shards: readonly ShardConfig[]
  /** Whether all of them could be read. */
  readonly isComplete: boolean
}

/** By the address as the shards have it. Notes servers that no shard is on, and those without a limit. */
export function resolveServers(
  main: Reading<ShardingInput>,
  { shards, isComplete }: Described,
): ReadonlyMap<string, ServerConfig> {
  const connections = shards.flatMap(({ client, connection, replicas }) =>
    [connection, ...replicas.map((replica) => replica.connection)].map((one) => ({
      client,
      connection: one,
    })),
  )
  const addresses = connections.map(({ client, connection }) => serverAddress(client, connection))
  const entries = Object.entries(main.value.servers ?? {}).flatMap(([name, { maxConnections }]) => {
    const path = ['servers', name]
    if (maxConnections === undefined) {
      main.report([...path, 'maxConnections'], {
        message: 'is missing',
        mend: 'Write how many connections there may be to the server, such as `maxConnections: 80`.',
      })
      return []
    }
    const { workers } = main.value
    if (typeof workers === 'number' && workers > maxConnections) {
      main.report([...path, 'maxConnections'], {
        message: `is ${maxConnections}, less than one connection for each of ${workers} \`workers\``,
        mend: `Give the server ${workers} connections or more, or start fewer workers.`,
      })
    }
    const wanted = name.toLowerCase()
    const found = addresses.find((one) => one !== undefined && [one, shortAddress(one)].includes(wanted))
    if (found === undefined && isComplete) {
      main.report(path, {
        message: 'is not the server of any shard',
        mend: `Write host and port as a shard's connection has them${hint(addresses)}; what a function yields has no budget.`,
      })
    }
    return found === undefined ? [] : [[found, Object.freeze({ maxConnections })] as const]
  })
  return new FrozenMap(entries)
}

function hint(addresses: readonly (string | undefined)[]): string {
  const first = addresses.find((address) => address !== undefined)
  return first === undefined ? '' : `, such as \`${first}\``
}
