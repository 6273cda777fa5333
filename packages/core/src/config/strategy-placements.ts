/** Options of a shard that say which tenants live there. */
export type PlacementOption = 'tenants' | 'ranges' | 'buckets' | 'index'

/** What each strategy reads of a shard. A new strategy is a line here and one in `router/strategies.ts`. */
const placements = {
  static: ['tenants'],
  range: ['ranges'],
  buckets: ['buckets', 'tenants'],
  modulo: ['index'],
  lookup: [],
} as const satisfies Readonly<Record<string, readonly PlacementOption[]>>

/** A strategy that routes by itself; `composite` asks several of them. */
export type SimpleStrategy = keyof typeof placements

export type RouterStrategy = SimpleStrategy | 'composite'

/** The strategies that route tenants by themselves. */
export const simpleStrategies = Object.keys(placements) as [SimpleStrategy, ...SimpleStrategy[]]

/** The strategies that are asked, in this order. */
export function askedStrategies(router: {
  readonly strategy: RouterStrategy
  readonly strategies: readonly SimpleStrategy[]
}): readonly SimpleStrategy[] {
  return router.strategy === 'composite' ? router.strategies : [router.strategy]
}

/** What a strategy reads of a shard. */
export function placementsOf(strategy: SimpleStrategy): readonly PlacementOption[] {
  return placements[strategy]
}
