interface FigureAbout {
  /** Head of its column. */
  readonly title: string
  readonly isBetter: 'higher' | 'lower'
  readonly digits: number
}

/** Everything that is measured. */
export const FIGURES = {
  cyclesPerSecond: { title: 'cycles/s', isBetter: 'higher', digits: 0 },
  cpuNsPerCycle: { title: 'ns of processor a cycle', isBetter: 'lower', digits: 0 },
  bytesPerCycle: { title: 'bytes a cycle', isBetter: 'lower', digits: 0 },
  requestsPerSecond: { title: 'requests/s', isBetter: 'higher', digits: 0 },
  cpuUsPerRequest: { title: 'µs of processor a request', isBetter: 'lower', digits: 1 },
  p50Ms: { title: 'p50 in ms', isBetter: 'lower', digits: 2 },
  p99Ms: { title: 'p99 in ms', isBetter: 'lower', digits: 2 },
  connections: { title: 'connections', isBetter: 'lower', digits: 0 },
  nsPerLookup: { title: 'ns a lookup', isBetter: 'lower', digits: 1 },
  bytesPerTenant: { title: 'bytes a tenant, beside its id', isBetter: 'lower', digits: 0 },
  startMs: { title: 'ms to start', isBetter: 'lower', digits: 0 },
  bytesPerShard: { title: 'bytes a shard', isBetter: 'lower', digits: 0 },
  timers: { title: 'timers', isBetter: 'lower', digits: 0 },
  nsPerScope: { title: 'ns of processor a scope', isBetter: 'lower', digits: 0 },
  nsPerAwait: { title: 'ns of processor an await', isBetter: 'lower', digits: 0 },
  refusedP50Ms: { title: 'p50 of refusals in ms', isBetter: 'lower', digits: 1 },
  refusedP99Ms: { title: 'p99 of refusals in ms', isBetter: 'lower', digits: 1 },
  recoveryMs: { title: 'ms to the first success', isBetter: 'lower', digits: 0 },
  servedPercent: { title: '% of what it can bear', isBetter: 'higher', digits: 0 },
  servedP50Ms: { title: 'p50 of what is served, in ms', isBetter: 'lower', digits: 0 },
} as const satisfies Record<string, FigureAbout>

export type FigureName = keyof typeof FIGURES

export function aboutFigure(name: FigureName): FigureAbout {
  return FIGURES[name]
}
