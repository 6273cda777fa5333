import { FRAMEWORKS, type Framework, shardName, shardOfTenant, TENANTS, tenantName } from './placement.ts'
import { integer, oneOf, type Random, seededRandom, weighted } from './seeded-random.ts'

/** What requests do, and how often of a hundred. */
const KINDS = {
  read: 20,
  write: 15,
  transaction: 10,
  /** A transaction that is rolled back. */
  rollback: 5,
  /** Iterates over a stream, with a query for some rows. */
  stream: 5,
  /** Answers with a stream that is piped. */
  download: 5,
  /** Queries and writes under `Promise.all`. */
  parallel: 10,
  /** Changes everything that a session can hold, and leaves it so. */
  session: 10,
  slow: 5,
  /** Writes once more after its response. */
  late: 4,
  /** Gives its connection back in the middle. */
  pause: 3,
  /** Writes, then throws. */
  throw: 2,
  job: 4,
  /** A job that writes, then throws. */
  'failing-job': 2,
} as const

export type Kind = keyof typeof KINDS

/** The instant at which a client leaves. */
export type Abort =
  | { readonly at: 'sent' }
  | { readonly at: 'headers' }
  /** In the middle of its body; of a request without one, in the middle of nothing. */
  | { readonly at: 'upload' }
  | { readonly at: 'later'; readonly afterMs: number }

export interface PlannedRequest {
  readonly id: number
  readonly tenant: string
  readonly tenantIndex: number
  readonly shard: string
  readonly framework: Framework
  readonly kind: Kind
  readonly method: 'GET' | 'POST'
  readonly abort: Abort | null
  /** How long a slow query takes. */
  readonly slowMs: number
  /** Steps of the rows that it writes before it answers. */
  readonly writes: readonly number[]
  /** All of its rows are there, or none. */
  readonly isAtomic: boolean
  readonly expectedStatus: number
}

const SHARE_OF_ABORTS = 0.3

/** The request with number `id` of the run with this seed; each can be asked for by itself. */
export function plannedRequest(seed: number, id: number): PlannedRequest {
  const random = seededRandom(seed, id)
  const tenantIndex = integer(random, 0, TENANTS)
  const kind = weighted(random, KINDS)
  return {
    id,
    tenantIndex,
    tenant: tenantName(tenantIndex),
    shard: shardName(shardOfTenant(tenantIndex)),
    framework: oneOf(random, FRAMEWORKS),
    kind,
    method: READING.has(kind) ? 'GET' : 'POST',
    abort: random() < SHARE_OF_ABORTS ? abort(random) : null,
    slowMs: integer(random, 50, 400),
    writes: WRITES[kind] ?? [],
    isAtomic: kind === 'transaction',
    expectedStatus: FAILING.has(kind) ? 500 : 200,
  }
}

const READING: ReadonlySet<Kind> = new Set(['read', 'stream', 'download', 'slow'])
const FAILING: ReadonlySet<Kind> = new Set(['throw', 'failing-job'])
const WRITES: Partial<Record<Kind, readonly number[]>> = {
  write: [0],
  transaction: [0, 1],
  parallel: [0, 1],
  session: [0],
  late: [0],
  pause: [0, 1],
  job: [0],
}

function abort(random: Random): Abort {
  const at = weighted(random, { sent: 2, headers: 2, upload: 1, later: 5 })
  // From the very first instants to long ones, each order of magnitude as likely as the next.
  return at === 'later' ? { at, afterMs: 0.5 * 400 ** random() } : { at }
}
