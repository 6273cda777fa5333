import { SERVERS, SHARDS, serverOf, shardName, shardsOf } from './placement.ts'
import { integer, oneOf, type Random, seededRandom, weighted } from './seeded-random.ts'

export type Fault =
  | { readonly kind: 'restart'; readonly server: number; readonly mode: 'fast' | 'immediate' }
  /** All connections of a shard end with a TCP reset. */
  | { readonly kind: 'reset'; readonly shard: number }
  /** Nothing passes, and nothing is closed. */
  | { readonly kind: 'black hole'; readonly shard: number; readonly forMs: number }
  /** New connections are refused, those that are open end. */
  | { readonly kind: 'refuse'; readonly shard: number; readonly forMs: number }
  | { readonly kind: 'latency'; readonly shard: number; readonly forMs: number; readonly latencyMs: number }
  /** `pg_terminate_backend` for so many sessions of a shard, busy or not. */
  | { readonly kind: 'kill'; readonly shard: number; readonly backends: number }

export interface PlannedFault {
  /** Begins when this request is sent. */
  readonly atRequest: number
  readonly fault: Fault
}

const WEIGHTS = { restart: 2, reset: 3, 'black hole': 2, refuse: 2, latency: 1, kill: 4 } as const

/** The faults of the run with this seed, in order. The run ends without any, so that its end says what was lost. */
export function plannedFaults(
  seed: number,
  { requests, count }: { requests: number; count: number },
): PlannedFault[] {
  const random = seededRandom(seed, -1)
  const last = requests * 0.85
  return Array.from({ length: count }, (_, index) => ({
    atRequest: Math.floor(((index + 0.5 + random() / 2) * last) / count),
    fault: fault(random),
  }))
}

function fault(random: Random): Fault {
  const kind = weighted(random, WEIGHTS)
  const shard = integer(random, 0, SHARDS)
  const forMs = integer(random, 200, 2000)
  switch (kind) {
    case 'restart':
      return {
        kind,
        server: integer(random, 0, SERVERS),
        mode: oneOf(random, ['fast', 'immediate'] as const),
      }
    case 'kill':
      return { kind, shard, backends: integer(random, 1, 5) }
    case 'latency':
      return { kind, shard, forMs, latencyMs: integer(random, 5, 100) }
    case 'reset':
      return { kind, shard }
    default:
      return { kind, shard, forMs }
  }
}

/** Names of the shards whose requests may fail while the fault lasts. */
export function shardsHitBy(fault: Fault): string[] {
  return fault.kind === 'restart' ? shardsOf(fault.server).map(shardName) : [shardName(fault.shard)]
}

export function serverHitBy(fault: Fault): number {
  return fault.kind === 'restart' ? fault.server : serverOf(fault.shard)
}
