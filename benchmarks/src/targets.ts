import type { FigureName } from './measure/figures.ts'
import { endToEndId } from './suites/end-to-end.ts'

/** What is asked of the results; the document says of each whether it is met. */
export interface Target {
  /** Names its explanation, in `explanations/<id>.md`, for as long as it is not met. */
  readonly id: string
  readonly text: string
  readonly suite: string
  readonly case: string
  readonly figure: FigureName
  readonly of: string
  /** The figure is divided by that of this contestant, round by round; absent where the figure itself is meant. */
  readonly to?: string
  readonly bound: { readonly atLeast: number } | { readonly atMost: number }
}

const poolTargets: readonly Target[] = [
  { id: 'pool-tarn-1', callers: '1 caller', to: 'tarn', times: 8 },
  { id: 'pool-pg-pool-1', callers: '1 caller', to: 'pg-pool', times: 5 },
  { id: 'pool-tarn-1000', callers: '1,000 callers', to: 'tarn', times: 4 },
].map(({ id, callers, to, times }) => ({
  id,
  text: `Pool: ${times} times as fast as ${to} with ${callers}`,
  suite: 'pool',
  case: callers,
  figure: 'cyclesPerSecond',
  of: 'Sherd',
  to,
  bound: { atLeast: times },
}))

const crowd: Target = {
  id: 'pool-crowd',
  text: 'Pool: nothing grows with the number of pools',
  suite: 'pool',
  case: 'one of many pools',
  figure: 'cyclesPerSecond',
  of: 'beside 10,000 others',
  to: 'beside 10 others',
  bound: { atLeast: 0.9 },
}

const middlewareTargets: readonly Target[] = ['20', '24', '26'].flatMap((node) =>
  ['Express', 'Fastify'].map((framework) => ({
    id: `middleware-${framework.toLowerCase()}-${node}`,
    text: `Middleware: no more than by hand, ${framework} on Node ${node}`,
    suite: 'middleware',
    case: `${framework} on Node ${node}`,
    figure: 'cpuUsPerRequest' as const,
    of: 'Sherd',
    to: 'by hand',
    bound: { atMost: 1 },
  })),
)

const throughputs = [
  { of: 'Sherd, scrub auto', to: 'knex per query', atLeast: { 3: 1.05, 10: 1.15 } },
  { of: 'Sherd, scrub always', to: 'knex per query', atLeast: { 3: 0.85, 10: 1 } },
  { of: 'Sherd raw, scrub never', to: 'pg by hand', atLeast: { 3: 0.97, 10: 0.97 } },
  { of: 'Sherd raw, scrub always', to: 'pg by hand, DISCARD ALL', atLeast: { 3: 0.97, 10: 0.97 } },
] as const

const endToEndTargets: readonly Target[] = ([5, 20] as const).flatMap((pool) =>
  ([3, 10] as const).flatMap((queries): Target[] => {
    const place = { suite: 'end-to-end', case: endToEndId(queries, pool, 'above') } as const
    const where = `${queries} queries, pool of ${pool}`
    return [
      ...throughputs.map(({ of, to, atLeast }) => ({
        id: `${of.replaceAll(/[ ,]+/g, '-').toLowerCase()}-${queries}-${pool}`,
        text: `End to end: ${of} against ${to}, ${where}`,
        ...place,
        figure: 'requestsPerSecond' as const,
        of,
        to,
        bound: { atLeast: atLeast[queries] },
      })),
      {
        id: `p99-${queries}-${pool}`,
        text: `End to end: p99 not above knex per query’s, ${where}`,
        ...place,
        figure: 'p99Ms',
        of: 'Sherd, scrub auto',
        to: 'knex per query',
        bound: { atMost: 1 },
      },
    ]
  }),
)

const scaleTargets: readonly Target[] = [
  ...['10', '1,000', '100,000', '1,000,000'].flatMap((tenants): Target[] => [
    {
      id: `lookup-${tenants.replaceAll(',', '')}`,
      text: `Scale: a route of ${tenants} tenants against a Map`,
      suite: 'scale',
      case: `${tenants} tenants`,
      figure: 'nsPerLookup',
      of: 'Sherd',
      to: 'Map',
      bound: { atMost: 1.3 },
    },
  ]),
  {
    id: 'bytes-per-tenant',
    text: 'Scale: bytes a tenant beside its id, of 1,000,000',
    suite: 'scale',
    case: '1,000,000 tenants',
    figure: 'bytesPerTenant',
    of: 'Sherd',
    bound: { atMost: 120 },
  },
  ...(
    [
      ['start-object', 'ms to start 10,000 shards from an object', 'shards from an object', 'startMs', 1000],
      ['start-files', 'ms to start 10,000 shards from files', 'shards from files', 'startMs', 2000],
      ['bytes-per-shard', 'bytes a shard, of 10,000', 'shards from an object', 'bytesPerShard', 10_240],
      ['timers', 'timers of 10,000 idle shards', 'shards from an object', 'timers', 1],
    ] as const
  ).map(([id, what, where, figure, most]) => ({
    id,
    text: `Scale: ${what}`,
    suite: 'scale',
    case: where,
    figure,
    of: '10,000 shards',
    bound: { atMost: most },
  })),
]

const badDayTargets: readonly Target[] = [
  {
    id: 'refused',
    text: 'Bad days: p50 of 503 in ms while the database refuses',
    suite: 'bad-days',
    case: 'the database refuses connections',
    figure: 'refusedP50Ms',
    of: 'Sherd',
    bound: { atMost: 5 },
  },
  {
    id: 'recovery',
    text: 'Bad days: ms to the first success after a black hole',
    suite: 'bad-days',
    case: 'the network was a black hole for 5 s',
    figure: 'recoveryMs',
    of: 'Sherd',
    bound: { atMost: 1000 },
  },
  {
    id: 'goodput',
    text: 'Bad days: % served of what it can bear, at 10 times as much',
    suite: 'bad-days',
    case: '10 times the load that it can bear',
    figure: 'servedPercent',
    of: 'Sherd',
    bound: { atLeast: 90 },
  },
]

export const targets: readonly Target[] = [
  ...poolTargets,
  crowd,
  ...middlewareTargets,
  ...endToEndTargets,
  ...scaleTargets,
  ...badDayTargets,
]
