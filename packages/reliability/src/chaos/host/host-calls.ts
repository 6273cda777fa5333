import type { Framework } from '../plan/placement.ts'
import type { Holdings, VariantOptions } from './variant.ts'

export const VARIANT_NAMES = ['sherd', 'pinned', 'per query'] as const
export type VariantName = (typeof VARIANT_NAMES)[number]

export interface HostStart extends VariantOptions {
  readonly framework: Framework
  readonly variant: VariantName
  readonly seed: number
  /** File for what it observes. */
  readonly history: string
}

/** What a host's process can be asked for. */
export interface HostCalls {
  /** @returns its port */
  start(options: HostStart): Promise<number>
  holdings(): Promise<Holdings>
  /** Bytes in use after a garbage collection. */
  heap(): Promise<number>
  /** Closes everything; nothing is left that would keep the process alive but the channel to its parent. */
  close(): Promise<Holdings>
}
