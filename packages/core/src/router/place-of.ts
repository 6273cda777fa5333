import type { PlacementOption, ShardConfig } from '../config/resolved-config.ts'

/** File and place of an option of a shard, for explanations. */
export function placeOf(shard: ShardConfig, option: PlacementOption, index?: number): string {
  return `${shard.file} › ${shard.places[option]}${index === undefined ? '' : `[${index}]`}`
}
