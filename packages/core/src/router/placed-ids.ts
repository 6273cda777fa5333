import type { ResolvedConfig } from '../config/resolved-config.ts'

/** How one strategy of a configuration places ids. */
export interface PlacedIds {
  readonly config: ResolvedConfig
  /** The strategy that is asked for ids which this one does not know; undefined where they are unknown then. */
  readonly next: string | undefined
}
