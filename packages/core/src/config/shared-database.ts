import type { Reading } from './reading.ts'
import type { ShardReading } from './readings.ts'
import type { ShardingInput } from './schema/sharding-schema.ts'
import { SHARED } from './shard-name.ts'

/** What is said under `shared:`, as if it were a shard of that name without tenants; undefined where there is none. */
export function sharedDatabase(main: Reading<ShardingInput>): ShardReading | undefined {
  const value = main.value.shared
  if (value === undefined) return undefined
  return {
    name: SHARED,
    source: main.source,
    value,
    locate: (path) => main.locate([SHARED, ...path]),
    report: (path, complaint) => main.report([SHARED, ...path], complaint),
    isFaulty: () => main.isFaulty(SHARED),
  }
}
