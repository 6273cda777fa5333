import type { ConfigObject } from '../config/config-object.ts'
import { loadConfig } from '../config/load-config.ts'
import { type TopologyMessage, topologyReload, topologyReloaded } from '../diagnostics/topology-events.ts'
import type { Rerouting } from '../errors.ts'
import type { PoolRegistry } from '../pool/pool-registry.ts'
import type { ShardResources } from '../resources/shard-resources.ts'
import { comparePlacements } from '../router/compare-placements.ts'
import { createLayout, type Layout } from '../router/layout.ts'
import type { LiveLayout } from '../router/live-layout.ts'
import { compareTopologies, type TopologyChange } from '../topology/compare-topologies.ts'
import type { Clock } from '../util/clock.ts'
import { nextTurn } from '../util/next-turn.ts'
import { configFolders } from './config-folders.ts'
import { FolderWatch } from './folder-watch.ts'
import { reroutingRefused } from './rerouting-refused.ts'

export interface ReloadOptions {
  /** A folder or an object to read from now on. @default where the last configuration came from, read again */
  readonly config?: string | ConfigObject
  /** Takes a configuration that routes tenants elsewhere: for when their rows are there already. @default false */
  readonly allowRerouting?: boolean
}

/** What a reload has done. Shards are named in the order of the configuration. */
export interface ReloadReport extends TopologyChange {
  /** Of the configuration that is served from now on; the first is 1. */
  readonly version: number
  /** What is routed elsewhere now; never anything without `allowRerouting`. */
  readonly rerouted: readonly Rerouting[]
}

export interface ReloadParts {
  readonly layout: LiveLayout
  readonly pools: PoolRegistry
  readonly resources: ShardResources
  readonly clock: Clock
  readonly env: NodeJS.ProcessEnv
  /** Where the first configuration came from. */
  readonly source: string | ConfigObject | undefined
}

/** Looks for changes of the files that a configuration is read from. */
export interface ConfigWatch extends Disposable {
  /** Ends it. Idempotent; `sharding.close()` does it, too. */
  close(): void
}

/** Replaces the configuration of a Sharding: one reload after the other, each of them as a whole or not at all. */
export class Reloader {
  readonly #parts: ReloadParts
  #source: string | ConfigObject | undefined
  #last: Promise<unknown> = Promise.resolve()
  readonly #watches = new Set<FolderWatch>()

  constructor(parts: ReloadParts) {
    this.#parts = parts
    this.#source = parts.source
  }

  reload(options: ReloadOptions = {}): Promise<ReloadReport> {
    const report = this.#last.then(() => this.#reload(options))
    this.#last = report.catch(() => {})
    return report
  }

  /** Reloads whenever the files have changed. What goes wrong then becomes a warning of the process. */
  watch(): ConfigWatch {
    const { env } = this.#parts
    if (configFolders(this.#source, env).length === 0) {
      throw new TypeError(
        'There is no folder to watch: the configuration was given as an object. Pass reload() the next one.',
      )
    }
    const watch = new FolderWatch({
      folders: () => configFolders(this.#source, env),
      onChange: () => void this.reload().catch((error) => this.#watches.has(watch) && warn(error)),
      onFailure: warn,
    })
    this.#watches.add(watch)
    const close = () => {
      this.#watches.delete(watch)
      watch.close()
    }
    return { close, [Symbol.dispose]: close }
  }

  /** Ends all watches. */
  stop(): void {
    for (const watch of this.#watches) watch.close()
    this.#watches.clear()
  }

  async #reload({ config = this.#source, allowRerouting = false }: ReloadOptions): Promise<ReloadReport> {
    const { layout, clock, env } = this.#parts
    const resolved = loadConfig(config, env)
    const rerouted = comparePlacements(layout.current.config, resolved)
    if (rerouted.length > 0 && !allowRerouting) throw reroutingRefused(rerouted)
    const next = createLayout(resolved, clock, layout.current)
    // Whoever has been told a shard by the old layout has entered it by then.
    await nextTurn()
    const change = this.#replace(next)
    this.#source = config
    for (const watch of this.#watches) watch.refresh()
    return Object.freeze({ version: next.topology.version, ...change, rerouted })
  }

  /** In one go: no request sees one part of the old layout and another of the new. */
  #replace(next: Layout): TopologyChange {
    const { layout, pools, resources } = this.#parts
    pools.assertReplaceable()
    const before = layout.topology
    const change = compareTopologies(before, next.topology)
    const message: TopologyMessage = {
      sharding: pools.id,
      from: before.version,
      to: next.topology.version,
      ...change,
    }
    if (topologyReload.hasSubscribers) topologyReload.publish({ ...message })
    pools.adopt(next.topology)
    resources.adopt((shard) => next.topology.shards.has(shard))
    layout.replace(next)
    if (topologyReloaded.hasSubscribers) topologyReloaded.publish({ ...message })
    return change
  }
}

/** A watch has nobody to reject to; the old configuration stays. */
function warn(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  process.emitWarning(`The configuration was not reloaded. ${message}`, { code: 'SHERD_RELOAD_FAILED' })
}
