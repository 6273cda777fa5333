import type { TenantSourceConfig } from '../config/resolved-config.ts'
import type { Topology } from '../topology/topology.ts'
import { createCurrentRouter } from './current-router.ts'
import type { Layout } from './layout.ts'
import type { Router } from './router.ts'

/**
 * The layout by which requests go at this moment. A reload replaces it as a whole, between two turns of the event loop;
 * whoever needs several of its parts to agree reads them without waiting in between.
 */
export class LiveLayout {
  /** Always that of the current layout. */
  readonly router: Router
  #current: Layout

  constructor(layout: Layout) {
    this.#current = layout
    this.router = createCurrentRouter(() => this.#current.router)
  }

  get current(): Layout {
    return this.#current
  }

  get topology(): Topology {
    return this.#current.topology
  }

  get shardNames(): readonly string[] {
    return this.#current.shardNames
  }

  /** Where requests carry their tenant, as the configuration says. */
  get tenantSources(): readonly TenantSourceConfig[] {
    return this.#current.config.tenant
  }

  replace(next: Layout): void {
    this.#current = next
  }
}
