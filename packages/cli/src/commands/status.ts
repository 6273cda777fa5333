import { FanOutIncompleteError, type FanOutOutcome, FanOutTimeoutError, type Sharding } from '@sherd/core'
import type { Answer } from '../answer.ts'
import { messageOf } from '../message-of.ts'
import { type Connections, type ServerFacts, serverFacts } from '../server-facts.ts'
import type { Style } from '../style.ts'
import { type Cell, table } from '../table.ts'

export interface StatusOptions {
  /** Milliseconds for all shards together. */
  readonly timeout: number
  readonly concurrency: number
}

type ShardStatus =
  | ({ readonly shard: string; readonly reachable: true } & ServerFacts)
  | { readonly shard: string; readonly reachable: false; readonly error: string }

/** How every shard is, as its primary says itself. A shard that does not answer is told like the others. */
export async function status(sharding: Sharding, options: StatusOptions): Promise<Answer> {
  const outcomes = await ask(sharding, options)
  const shards = outcomes.map((outcome) => statusOf(outcome, options))
  return {
    exitCode: shards.every(({ reachable }) => reachable) ? 0 : 1,
    document: { shards },
    text: (style) => statusTable(shards, style),
  }
}

async function ask(
  sharding: Sharding,
  { timeout, concurrency }: StatusOptions,
): Promise<readonly FanOutOutcome<ServerFacts>[]> {
  try {
    const { outcomes } = await sharding.fanOut(
      {
        mode: 'partial',
        concurrency,
        role: 'writing',
        checkoutTimeoutMs: timeout,
        totalTimeoutMs: timeout,
      },
      () => serverFacts(sharding.db),
    )
    return outcomes
  } catch (error) {
    // None has answered: that is an answer, too.
    if (error instanceof FanOutIncompleteError)
      return error.result.outcomes as readonly FanOutOutcome<ServerFacts>[]
    throw error
  }
}

function statusOf(outcome: FanOutOutcome<ServerFacts>, { timeout }: StatusOptions): ShardStatus {
  const { shard } = outcome
  if (outcome.status === 'fulfilled') return { shard, reachable: true, ...outcome.value }
  const isLate = outcome.reason instanceof FanOutTimeoutError
  const error = isLate ? `no answer within ${timeout} ms` : messageOf(outcome.reason)
  return { shard, reachable: false, error }
}

const HEADINGS = ['SHARD', 'STATE', 'LATENCY', 'SERVER', 'CONNECTIONS', 'ERROR']
const NOTHING: Cell = { text: '–', format: 'dim' }

function statusTable(shards: readonly ShardStatus[], style: Style): string {
  const rows = shards.map((shard): readonly Cell[] =>
    shard.reachable
      ? [
          { text: shard.shard },
          { text: 'reachable', format: 'green' },
          { text: `${shard.latencyMs.toFixed(1)} ms` },
          shard.server === null ? NOTHING : { text: shard.server },
          connectionsCell(shard.connections),
          { text: '' },
        ]
      : [
          { text: shard.shard },
          { text: 'unreachable', format: 'red' },
          NOTHING,
          NOTHING,
          NOTHING,
          { text: shard.error, format: 'red' },
        ],
  )
  return table(HEADINGS, rows, style)
}

/** A server's last tenth is kept for whoever has to mend it. */
const NEARLY_ALL = 0.9

function connectionsCell(connections: Connections | null): Cell {
  if (connections === null) return NOTHING
  const { used, allowed } = connections
  const text = `${used} of ${allowed}`
  return used / allowed < NEARLY_ALL ? { text } : { text, format: 'yellow' }
}
