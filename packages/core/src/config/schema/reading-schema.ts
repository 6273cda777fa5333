import type { ReadingConfig } from '../resolved-config.ts'
import { defaultsOf } from './defaults-of.ts'
import { choice, countOrOff, group, LONGEST_MS } from './option.ts'

/** The lag is looked at several times within its limit, and not more often than fits on a connection. */
const SHORTEST_LAG_MS = 100

/** How reads are spread. A line here, one in `ReadingConfig` and one in `ReadingObject` make a new option. */
export const readingSchema = group(
  {
    maxLagMs: countOrOff(SHORTEST_LAG_MS, LONGEST_MS, {
      description:
        'Milliseconds that a replica may be behind its primary and still serve reads; null does not look at it.',
      default: null,
      example: 2000,
    }),
    whenNoReplica: choice(['primary', 'refuse'], {
      description:
        'Who serves reads while no replica can: the primary (`primary`), or nobody, with an answer 503 (`refuse`).',
      default: 'primary',
      example: 'primary',
    }),
  },
  {
    description: 'How the role `reading` is served where the shard has replicas.',
    example: { maxLagMs: 2000 },
  },
)

export const readingDefaults = defaultsOf(readingSchema) as unknown as ReadingConfig
