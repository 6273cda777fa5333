import type { ShardConfig } from '../config/resolved-config.ts'
import type { PlacementOption } from '../config/strategy-placements.ts'

/** File and place of an option of a shard, for explanations. */
export function placeOf(shard: ShardConfig, option: PlacementOption, index?: number): string {
  return `${shard.file} › ${shard.places[option]}${index === undefined ? '' : `[${index}]`}`
}
