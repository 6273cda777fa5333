import type { FanOutMetadata } from '../errors.ts'

export function metadataOf(
  outcomes: readonly { readonly status: 'fulfilled' | 'rejected' }[],
): FanOutMetadata {
  const totalShards = outcomes.length
  const successfulShards = outcomes.filter(({ status }) => status === 'fulfilled').length
  return Object.freeze({
    totalShards,
    successfulShards,
    failedShards: totalShards - successfulShards,
    // Downwards: 100 only if none is missing.
    completeness: Math.floor((successfulShards / totalShards) * 10_000) / 100,
  })
}
