import type { z } from 'zod'
import type { BreakerConfig } from '../resolved-config.ts'
import { defaultsOf } from './defaults-of.ts'
import { count, duration, group } from './option.ts'

/** Options of the circuit breaker. A line here, one in `BreakerConfig` and one in `BreakerObject` make a new option. */
const options = {
  failures: count(1, 1000, {
    description:
      'Failed attempts to connect in a row after which a database without open connections counts as down.',
    default: 5,
    example: 5,
  }),
  failingMs: duration({
    description:
      'Milliseconds of failures without a success, two at least, after which a database that says nothing counts as down.',
    default: 1000,
    example: 1000,
  }),
  failurePercent: count(1, 100, {
    description:
      'Per cent of failures among the outcomes of windowMs after which a database counts as down; null looks only at failures in a row.',
    default: 50,
    example: 50,
  }).nullable(),
  minOutcomes: count(1, 1_000_000, {
    description: 'Outcomes that failurePercent needs for a judgement.',
    default: 20,
    example: 20,
  }),
  windowMs: duration({
    description: 'Milliseconds that failurePercent looks back.',
    default: 10_000,
    example: 10_000,
  }),
  probeIntervalMs: duration({
    description: 'Milliseconds at most from one probe of a database that is down to the next.',
    default: 900,
    example: 900,
  }),
}

export const breakerSchema = group(options, {
  description:
    'When a database counts as down, and how often it is asked then; null switches the breaker off.',
  example: { failures: 5 },
}).nullable()

/** What a file says about a breaker, checked option by option. */
export type BreakerInput = z.output<typeof breakerSchema>

/** What holds for an option that nobody gives. */
export const breakerDefaults = defaultsOf(breakerSchema.unwrap()) as unknown as BreakerConfig
