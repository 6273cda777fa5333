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
} as const satisfies Record<string, FigureAbout>

export type FigureName = keyof typeof FIGURES

export function aboutFigure(name: FigureName): FigureAbout {
  return FIGURES[name]
}
