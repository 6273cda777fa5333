import type { Variant, VariantOptions } from '../variant.ts'
import { createBare } from './bare.ts'
import { createKnexMap } from './knex-map.ts'
import { createKnexPerQuery } from './knex-per-query.ts'
import { createPinnedKnex } from './pinned-knex.ts'
import { createPinnedPg } from './pinned-pg.ts'
import { createSherd, createSherdRaw } from './sherd.ts'

export const VARIANTS = {
  bare: createBare,
  'pinned pg': createPinnedPg,
  'pinned knex': createPinnedKnex,
  'knex per query': createKnexPerQuery,
  'knex map': createKnexMap,
  Sherd: createSherd,
  'Sherd raw': createSherdRaw,
} as const satisfies Record<string, (options: VariantOptions) => Variant>

export type VariantName = keyof typeof VARIANTS
