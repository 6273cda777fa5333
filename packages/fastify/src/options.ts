import type { RequestOptions } from '@sherd/core/adapter'
import type { FastifyRequest } from 'fastify'

type Options = RequestOptions<FastifyRequest>

export interface ShardPluginOptions extends Options {
  /**
   * Close the Sharding once the application has closed and its last request is answered.
   * @default true if this plugin has made the default Sharding, false if that existed before or one was passed in
   */
  readonly closeSharding?: boolean
}

/** What a route may want otherwise than its plugin: `config: { shard: { skip: true } }`. */
export interface RouteShardOptions extends Omit<Options, 'sharding' | 'skip' | 'perRequest'> {
  /** Leave the route alone, or do not although its path is among those to leave alone. */
  readonly skip?: boolean
}

/** A plugin's options as each of its routes has them; one object a route, for they are compiled once for each. */
export function optionsOfRoutes(options: Options): (route: RouteShardOptions | undefined) => Options {
  const known = new WeakMap<RouteShardOptions, Options>()
  return (route) => {
    if (route === undefined) return options
    let merged = known.get(route)
    if (merged === undefined) {
      merged = merge(options, route)
      known.set(route, merged)
    }
    return merged
  }
}

function merge(options: Options, { skip, ...route }: RouteShardOptions): Options {
  const given = Object.entries(route).filter(([, value]) => value !== undefined)
  return { ...options, ...Object.fromEntries(given), ...(skip === undefined ? {} : { skip: () => skip }) }
}
