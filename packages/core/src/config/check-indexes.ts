import { placeIn } from './place-in.ts'
import type { ShardReading } from './readings.ts'

/** Notes where the shards are not numbered from 0 without a gap: each remainder must lead to one shard. */
export function reportIndexes(shards: readonly ShardReading[]): void {
  const owners = new Map<number, ShardReading>()
  const highest = shards.length - 1
  for (const shard of shards) {
    const { index } = shard.value
    const owner = index === undefined ? undefined : owners.get(index)
    if (index === undefined) {
      shard.report(['index'], {
        message: 'is missing, and the strategy `modulo` divides by the number of all shards',
        mend: `Number the shards from 0 to ${highest}.`,
      })
    } else if (owner !== undefined) {
      shard.report(['index'], {
        message: `is the same as in ${placeIn(owner, ['index'])}`,
        mend: `Number the shards from 0 to ${highest}, each once.`,
      })
    } else if (index > highest) {
      shard.report(['index'], {
        message: `is above ${highest}, the highest remainder of ${shards.length} shards`,
        mend: `Number the shards from 0 to ${highest}.`,
      })
    } else owners.set(index, shard)
  }
}
