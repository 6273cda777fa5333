import { divisionOf } from './budget/divide-budgets.ts'
import type { ConfigObject } from './config/config-object.ts'
import { loadConfig } from './config/load-config.ts'
import type { ResolvedConfig } from './config/resolved-config.ts'
import { budgetChanged } from './diagnostics/budget-events.ts'
import { HealthCheck } from './health/health-check.ts'
import { noteSharding } from './live-sharding.ts'
import { PoolBudgets } from './pool/pool-budgets.ts'
import { PoolRegistry } from './pool/pool-registry.ts'
import { type ResourceFactories, type ResourcePoolOf, ShardResources } from './resources/shard-resources.ts'
import { createLayout } from './router/layout.ts'
import { LiveLayout } from './router/live-layout.ts'
import { bindingStore, sharedStore } from './scope/scope-storage.ts'
import { type Sharding, ShardingInstance, type ShardingOptions } from './sharding.ts'
import { systemClock } from './util/clock.ts'
import { systemDeadlines } from './util/system-deadlines.ts'

export interface CreateShardingOptions {
  /**
   * A folder with `sharding.yaml` and `shards/*.yaml`, or the same as an object. By default the folder named by the
   * environment variable `SHERD_CONFIG`, else `./config`.
   */
  readonly config?: string | ConfigObject
  /** Where `${NAME}` in configuration files is looked up. @default process.env */
  readonly env?: NodeJS.ProcessEnv
  /**
   * What else each shard has beside its database, such as message producers: `sharding.resource(name)` lends it. A function
   * for each name, called with a shard's name when somebody there needs one; what it returns is
   * best written with {@link defineResource}.
   */
  readonly resources?: ResourceFactories
}

/** A Sharding whose resources are known to TypeScript. */
export type ShardingWith<R extends ResourceFactories> = Omit<Sharding, 'resource'> & {
  /** @see {@link Sharding.resource} */
  resource<N extends keyof R & string>(name: N): ResourcePoolOf<R[N]>
}

/**
 * Reads and checks the configuration; opens no connection: a shard's first query, or its first request, does.
 *
 * @throws ConfigInvalidError with everything that is wrong with the configuration
 */
export function createSharding<R extends ResourceFactories>(
  options: CreateShardingOptions & { readonly resources: R },
): ShardingWith<R>
export function createSharding(options?: CreateShardingOptions): Sharding
export function createSharding({
  config,
  env = process.env,
  resources,
}: CreateShardingOptions = {}): Sharding {
  const sharding = new ShardingInstance(wire(loadConfig(config, env), { source: config, env }, resources))
  noteSharding(sharding)
  return sharding
}

/** The parts of a Sharding, for a configuration that is known to be sound. */
export function wire(
  resolved: ResolvedConfig,
  { source, env }: Pick<ShardingOptions, 'source' | 'env'>,
  factories: ResourceFactories = {},
): ShardingOptions {
  const clock = systemClock
  const deadlines = systemDeadlines
  const layout = new LiveLayout(createLayout(resolved, clock))
  const { topology } = layout
  const { limits, servers, workers } = resolved
  const divide = divisionOf({
    workers,
    clock,
    deadlines,
    onChanged: ({ budget: server, ...change }) => {
      if (budgetChanged.hasSubscribers) budgetChanged.publish({ sharding: pools.id, server, ...change })
    },
  })
  const budgets = new PoolBudgets({ limits, servers, clock, deadlines, divide })
  const pools = new PoolRegistry({
    topology,
    store: bindingStore,
    sharedStore,
    clock,
    deadlines,
    random: Math.random,
    budgets,
  })
  const resources = new ShardResources(factories, {
    clock,
    deadlines,
    random: Math.random,
    hasShard: (shard) => layout.topology.shards.has(shard),
  })
  const health = new HealthCheck(pools, clock)
  return { layout, pools, resources, poolBudgets: budgets, health, clock, source, env }
}
