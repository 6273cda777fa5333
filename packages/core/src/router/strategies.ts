import type { SimpleStrategy } from '../config/strategy-placements.ts'
import { createBucketsStrategy } from './buckets-strategy.ts'
import { createLookupStrategy } from './lookup-strategy.ts'
import { createModuloStrategy } from './modulo-strategy.ts'
import { createRangeStrategy } from './range-strategy.ts'
import { createStaticStrategy } from './static-strategy.ts'
import type { CreateStrategy } from './strategy.ts'

/** How each strategy is made. A new one is its file, a line here and one in `config/strategy-placements.ts`. */
export const strategies: Readonly<Record<SimpleStrategy, CreateStrategy>> = {
  static: createStaticStrategy,
  range: createRangeStrategy,
  buckets: createBucketsStrategy,
  modulo: createModuloStrategy,
  lookup: createLookupStrategy,
}
