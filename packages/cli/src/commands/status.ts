import { setTimeout } from 'node:timers/promises'
import {
  FanOutIncompleteError,
  type FanOutOutcome,
  FanOutTimeoutError,
  type Sharding,
  type ShardMigrations,
} from '@sherd/core'
import type { Answer } from '../answer.ts'
import { checkedInput } from '../checked-input.ts'
import { InputError } from '../input-error.ts'
import { type GivenSettings, migrationSettings } from '../migrate/given-options.ts'
import { type ServerFacts, serverFacts } from '../server-facts.ts'
import { shownError } from '../shown-error.ts'
import type { ShardStatus } from './shard-status.ts'
import { statusTable } from './status-table.ts'

export interface StatusOptions extends GivenSettings {
  /** Milliseconds for all shards together. */
  readonly timeout: number
  readonly concurrency: number
}

/** How every shard is, as its primary says itself. A shard that does not answer is told like the others. */
export async function status(sharding: Sharding, options: StatusOptions): Promise<Answer> {
  const until = performance.now() + options.timeout
  const outcomes = await serversOf(sharding, options)
  const reachable = outcomes.filter((outcome) => outcome.status === 'fulfilled').map(({ shard }) => shard)
  const migrations = await migrationsOf(sharding, reachable, { options, until })
  const shards = outcomes.map((outcome) => statusOf(outcome, { options, migrations }))
  return {
    exitCode: reachable.length === shards.length ? 0 : 1,
    document: { shards: shards.map(documentOf) },
    text: (style) => statusTable(shards, style),
  }
}

type Outcome = FanOutOutcome<ServerFacts>

async function serversOf(
  sharding: Sharding,
  { timeout, concurrency }: StatusOptions,
): Promise<readonly Outcome[]> {
  const limits = { concurrency, checkoutTimeoutMs: timeout, totalTimeoutMs: timeout }
  try {
    const { outcomes } = await sharding.fanOut({ ...limits, mode: 'partial', role: 'writing' }, () =>
      serverFacts(sharding.db),
    )
    return outcomes
  } catch (error) {
    // That none has answered is an answer, too.
    if (error instanceof FanOutIncompleteError) return error.result.outcomes as readonly Outcome[]
    throw error
  }
}

type Migrations = Readonly<Record<string, ShardMigrations>>

/** Rejects with InputError for a folder that is named and cannot be read. */
async function migrationsOf(
  sharding: Sharding,
  shards: readonly string[],
  { options, until }: { options: StatusOptions; until: number },
): Promise<Migrations> {
  if (shards.length === 0) return {}
  const { concurrency } = options
  const checkoutTimeoutMs = Math.max(1, until - performance.now())
  const asked = checkedInput(
    sharding.migrate.status({ ...migrationSettings(options), shards, concurrency, checkoutTimeoutMs }),
  )
  try {
    const found = await Promise.race([asked, setTimeout(checkoutTimeoutMs, undefined, { ref: false })])
    return found?.shards ?? {}
  } catch (error) {
    // An application that keeps its migrations elsewhere, or has none.
    if (error instanceof InputError && options.directory === undefined) return {}
    throw error
  }
}

function statusOf(
  outcome: Outcome,
  { options, migrations }: { options: StatusOptions; migrations: Migrations },
): ShardStatus {
  const { shard } = outcome
  if (outcome.status === 'fulfilled')
    return { shard, reachable: true, ...outcome.value, migrations: migrations[shard] ?? null }
  const { reason } = outcome
  const message = `no answer within ${options.timeout} ms`
  const error = reason instanceof FanOutTimeoutError ? { code: reason.code, message } : shownError(reason)
  return { shard, reachable: false, error }
}

function documentOf(status: ShardStatus): object {
  if (!status.reachable || status.migrations?.status !== 'unknown') return status
  return { ...status, migrations: { ...status.migrations, error: shownError(status.migrations.error) } }
}
