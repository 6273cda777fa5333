import { given } from './given.ts'
import type { Path } from './path.ts'
import type { Reading } from './reading.ts'
import type { PoolConfig } from './resolved-config.ts'
import { type PoolInput, poolDefaults } from './schema/pool-schema.ts'

/** A place at which options of a pool are given. */
export interface PoolLayer {
  readonly reading: Reading<unknown>
  readonly path: Path
  readonly options: PoolInput | undefined
}

/**
 * Defaults that go by the time of a checkout, so that it needs no second setting: a short one leaves some of it to
 * everything else, and whoever is patient means it in the queue, too.
 */
const SHARES_OF_CHECKOUT = {
  connectTimeoutMs: { share: 3 / 4, most: poolDefaults.connectTimeoutMs },
  pingTimeoutMs: { share: 1 / 4, most: poolDefaults.pingTimeoutMs },
  shedTargetMs: { share: 1 / 8, most: Number.POSITIVE_INFINITY },
} as const

/** One of these must not be more than the other. */
const ORDERED = [
  ['min', 'max'],
  ['connectTimeoutMs', 'checkoutTimeoutMs'],
] as const

/** The options of a pool: of each the last layer that has it, else its default. Notes those that contradict. */
export function resolvePool(layers: readonly PoolLayer[]): PoolConfig {
  const pool = Object.assign({ ...poolDefaults }, ...layers.map(({ options }) => given(options))) as {
    -readonly [K in keyof PoolConfig]: PoolConfig[K]
  }
  for (const option of keysOf(SHARES_OF_CHECKOUT)) {
    if (layerOf(option, layers) !== undefined) continue
    const { share, most } = SHARES_OF_CHECKOUT[option]
    pool[option] = Math.min(most, Math.max(1, Math.floor(pool.checkoutTimeoutMs * share)))
  }
  for (const [low, high] of ORDERED) {
    if (pool[low] > pool[high]) reportContradiction(pool, { low, high, layers })
  }
  return Object.freeze(pool)
}

function keysOf<T extends object>(record: T): (keyof T)[] {
  return Object.keys(record) as (keyof T)[]
}

function layerOf(option: keyof PoolConfig, layers: readonly PoolLayer[]): PoolLayer | undefined {
  return layers.findLast(({ options }) => options?.[option] !== undefined)
}

interface Contradiction {
  readonly low: keyof PoolConfig
  readonly high: keyof PoolConfig
  readonly layers: readonly PoolLayer[]
}

function reportContradiction(pool: PoolConfig, { low, high, layers }: Contradiction): void {
  const lowLayer = layerOf(low, layers)
  const highLayer = layerOf(high, layers)
  // The nearest layer that has a say in it is the place to change.
  const nearest = layers.findLast((layer) => layer === lowLayer || layer === highLayer)
  if (nearest === undefined) return
  const [here, there] = nearest === lowLayer ? [low, high] : [high, low]
  const thereLayer = here === low ? highLayer : lowLayer
  nearest.reading.report([...nearest.path, here], {
    message: `is ${here === low ? 'more' : 'less'} than \`${there}\`, which is ${pool[there]}${whence(thereLayer, nearest)}`,
    mend: `Keep \`${low}\` at or below \`${high}\`.`,
  })
}

function whence(layer: PoolLayer | undefined, seenFrom: PoolLayer): string {
  if (layer === undefined) return ' by default'
  return layer === seenFrom ? '' : ` in ${layer.reading.source.file}`
}
