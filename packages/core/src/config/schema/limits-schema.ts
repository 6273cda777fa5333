import { z } from 'zod'
import type { LimitsConfig } from '../resolved-config.ts'
import { defaultsOf } from './defaults-of.ts'
import { count, countOrOff, durationOrOff, group } from './option.ts'

const MOST = 1_000_000

/** A line here, one in `LimitsConfig` and one in `LimitsObject` make a new option. */
export const limitsSchema = group(
  {
    maxOpenPools: countOrOff(1, MOST, {
      description:
        'Pools that may have connections at once; the one that has been unused for longest makes room for another. null sets no limit.',
      default: null,
      example: 50,
    }),
    maxConnections: countOrOff(1, MOST, {
      description:
        'Connections of all pools of the process at once; one that is idle makes room for another pool. null sets no limit.',
      default: null,
      example: 200,
    }),
    poolIdleMs: durationOrOff({
      description:
        'Milliseconds after which a pool that nobody uses closes its connections, `min` included; null keeps those.',
      default: null,
      example: 600_000,
    }),
  },
  { description: 'What all pools of the process may have together.', example: { maxOpenPools: 50 } },
)

export const workersSchema = countOrOff(1, 100_000, {
  description:
    'Processes among which the budget of each server is divided; each takes the same part. null where they divide it themselves, or there is one.',
  default: null,
  example: 4,
})

export const serversSchema = z
  .record(
    z.string(),
    group(
      {
        maxConnections: count(1, MOST, {
          description: 'Connections of all pools to this server at once, of all `workers` together.',
          example: 80,
        }),
      },
      { description: 'What the pools of one server share.', example: { maxConnections: 80 } },
    ).meta({ required: ['maxConnections'] }),
    { error: 'must be an object with servers by `host:port`' },
  )
  .meta({
    description: 'What all pools of one server may have together, by `host:port` as in the connections.',
    default: {},
    examples: [{ 'db-1.internal:5432': { maxConnections: 80 } }],
  })

export const limitsDefaults = defaultsOf(limitsSchema) as unknown as LimitsConfig
