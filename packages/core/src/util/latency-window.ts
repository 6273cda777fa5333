/** What durations came to, in milliseconds. All 0 when there were none. */
export interface LatencySummary {
  readonly count: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

const WINDOW_MS = 60_000
const SLICES = 6
const SLICE_MS = WINDOW_MS / SLICES

/** Sixteen buckets for each power of two: a percentile is at most a sixteenth too high, and never too low. */
const BITS = 4
const PER_OCTAVE = 1 << BITS
const OCTAVES = 31 - BITS
const BUCKETS = PER_OCTAVE * (OCTAVES + 1)
const LONGEST_US = 2 ** 31 - 1

interface Slice {
  /** Number of the slice since the clock's start. */
  epoch: number
  count: number
  max: number
  readonly buckets: Uint32Array
}

/**
 * Durations of the last minute, in six slices of ten seconds of which the oldest is dropped as a new one begins.
 *
 * To record one is to add one to a counter: buckets grow with the value, as in HdrHistogram
 * (https://hdrhistogram.github.io/HdrHistogram/), from a microsecond to half an hour. Everything else happens when
 * somebody reads.
 */
export class LatencyWindow {
  /** Made as they are needed: a pool that is hardly used costs a few kilobytes. */
  readonly #slices: (Slice | undefined)[] = new Array(SLICES).fill(undefined)
  #current: Slice | undefined
  #currentEnd = 0

  /** `now` is the time of the same clock that {@link summary} is asked with, in milliseconds. */
  record(durationMs: number, now: number): void {
    const slice = this.#current !== undefined && now < this.#currentEnd ? this.#current : this.#begin(now)
    const bucket = bucketOf(durationMs)
    slice.buckets[bucket] = (slice.buckets[bucket] as number) + 1
    slice.count++
    if (durationMs > slice.max) slice.max = durationMs
  }

  summary(now: number): LatencySummary {
    return LatencyWindow.summaryOf([this], now)
  }

  /** As if all of them had been recorded in one. */
  static summaryOf(windows: readonly LatencyWindow[], now: number): LatencySummary {
    const oldest = epochOf(now) - SLICES + 1
    const recent = windows
      .flatMap((window) => window.#slices)
      .filter((slice) => slice !== undefined && slice.epoch >= oldest) as Slice[]
    const count = recent.reduce((sum, slice) => sum + slice.count, 0)
    const max = recent.reduce((longest, slice) => Math.max(longest, slice.max), 0)
    const percentile = (share: number) => Math.min(max, atRank(recent, Math.ceil(count * share)))
    return { count, p50: percentile(0.5), p95: percentile(0.95), p99: percentile(0.99), max }
  }

  #begin(now: number): Slice {
    const epoch = epochOf(now)
    this.#currentEnd = (epoch + 1) * SLICE_MS
    const index = epoch % SLICES
    this.#slices[index] ??= { epoch, count: 0, max: 0, buckets: new Uint32Array(BUCKETS) }
    const slice = this.#slices[index]
    if (slice.epoch !== epoch) {
      slice.epoch = epoch
      slice.count = 0
      slice.max = 0
      slice.buckets.fill(0)
    }
    this.#current = slice
    return slice
  }
}

function epochOf(now: number): number {
  return Math.floor(now / SLICE_MS)
}

function bucketOf(durationMs: number): number {
  // Most have waited for nothing.
  if (!(durationMs > 0)) return 0
  const us = Math.min(Math.round(durationMs * 1000), LONGEST_US)
  if (us < PER_OCTAVE) return us
  const shift = 31 - Math.clz32(us) - BITS
  return PER_OCTAVE * shift + (us >>> shift)
}

/** The longest duration, in milliseconds, that the bucket counts. */
function upperBound(bucket: number): number {
  if (bucket < PER_OCTAVE) return bucket / 1000
  const shift = Math.floor(bucket / PER_OCTAVE) - 1
  return ((bucket - PER_OCTAVE * shift + 1) * 2 ** shift - 1) / 1000
}

function atRank(slices: readonly Slice[], rank: number): number {
  if (rank === 0) return 0
  let seen = 0
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    for (const { buckets } of slices) seen += buckets[bucket] as number
    if (seen >= rank) return upperBound(bucket)
  }
  return Number.POSITIVE_INFINITY
}
