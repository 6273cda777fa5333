import { type MigrationOutcome, type MigrationReport, ScopeLockedError } from '../../errors.ts'
import { serverOf } from '../../fan-out/server-of.ts'
import { currentBinding } from '../../scope/scope-storage.ts'
import { checkMigrateOptions } from './check-migrate-options.ts'
import { chooseAll, chooseRollback } from './choose-rollback.ts'
import type { MigrateOptions } from './migrate-options.ts'
import { failedOutcome, lockTimeoutOf, migrateShard } from './migrate-shard.ts'
import type { MigrationApi } from './migration-api.ts'
import type { MigrationParts } from './migration-parts.ts'
import { ProgressReport } from './migration-progress.ts'
import { failedError, reportOf } from './migration-report.ts'
import { MigrationRun } from './migration-run.ts'
import { CONCURRENCY, readStates, type ShardState, statusOf } from './read-status.ts'
import { serverLimit } from './server-limit.ts'
import { type MigratedShard, migratedShards } from './shard-settings.ts'

/** {@link MigrationApi} of one `Sharding`; `onChange` is called when something may have changed. */
export function createMigrationApi(parts: MigrationParts, onChange: () => void): MigrationApi {
  return Object.freeze<MigrationApi>({
    async latest(options = {}) {
      const shards = await begin(parts, options, 'latest')
      return await run(parts, shards, { options, undo: undefined, unknown: [] }).finally(onChange)
    },

    async rollback(options = {}) {
      const shards = await begin(parts, options, 'rollback')
      const states = await readStates(parts, shards, options)
      const undo = options.all ? chooseAll(states) : chooseRollback(states)
      // What the others are to undo cannot be known without them.
      const unknown = options.onError === 'continue' ? [] : unreadable(states)
      return await run(parts, shards, { options, undo, unknown }).finally(onChange)
    },

    async status(options = {}) {
      const shards = await begin(parts, options, 'status')
      const states = await readStates(parts, shards, options)
      const found = shards.map((shard) => {
        return [shard.shard.name, statusOf(shard, states.get(shard) as never)] as const
      })
      const isCurrent = found.every(([, each]) => each.status === 'current' && each.missing.length === 0)
      return Object.freeze({ isCurrent, shards: Object.freeze(Object.fromEntries(found)) })
    },
  })
}

async function begin(
  parts: MigrationParts,
  options: MigrateOptions,
  method: 'latest' | 'rollback' | 'status',
): Promise<readonly MigratedShard[]> {
  checkMigrateOptions(options, method)
  assertUnlocked(method)
  const shards = await migratedShards(parts, options)
  const { canary } = options
  if (typeof canary === 'string' && !shards.some(({ shard }) => shard.name === canary))
    throw new TypeError(
      `The canary "${canary}" of migrate.${method}() is none of the shards that are migrated.`,
    )
  return shards
}

function assertUnlocked(method: string): void {
  const rules = currentBinding()?.rules
  if (rules === undefined || rules.ended !== undefined || !rules.value.locked) return
  const { shard } = rules.value
  throw new ScopeLockedError(
    `This scope is locked to shard "${shard}", and migrate.${method}() concerns whole shards and all their tenants. Call it ` +
      'where the application starts or from a script, or wrap it in unlocked().',
    { shard },
  )
}

function unreadable(states: ReadonlyMap<MigratedShard, ShardState>): Work['unknown'] {
  return [...states].flatMap(([migrated, state]) =>
    state.kind === 'failed' ? [{ migrated, error: state.error }] : [],
  )
}

interface Work {
  readonly options: MigrateOptions
  readonly undo: ReadonlySet<string> | undefined
  /** Shards for which nothing is begun at all. */
  readonly unknown: readonly { readonly migrated: MigratedShard; readonly error: unknown }[]
}

async function run(
  parts: MigrationParts,
  shards: readonly MigratedShard[],
  { options, undo, unknown }: Work,
): Promise<MigrationReport> {
  const { onError = 'stop', signal, checkoutTimeoutMs } = options
  const lockTimeoutMs = lockTimeoutOf(options.lockTimeoutMs)
  const progress = new ProgressReport(options.onProgress, shards.length)
  const outcomes = new Map<MigratedShard, MigrationOutcome>()
  const onOutcome = (migrated: MigratedShard, outcome: MigrationOutcome) => {
    outcomes.set(migrated, outcome)
    progress.done(migrated.shard.name, outcome)
  }
  for (const { migrated, error } of unknown) onOutcome(migrated, failedOutcome(error))
  await new MigrationRun({
    shards: shards.filter((shard) => !outcomes.has(shard)),
    stopped: unknown.length > 0 ? 'stopped' : undefined,
    concurrency: options.concurrency ?? CONCURRENCY,
    serverLimit: serverLimit(parts, options),
    serverOf: ({ shard }) => serverOf(shard.primary),
    canary: canaryOf(shards, options, onError),
    onError,
    signal,
    migrate: (migrated) => {
      const { name } = migrated.shard
      progress.started(name)
      const task = { undo, checkoutTimeoutMs, lockTimeoutMs, signal }
      return migrateShard(parts, migrated, task, progress.watcher(name))
    },
    onOutcome,
  }).settle()
  const report = reportOf(
    Object.fromEntries(shards.map((each) => [each.shard.name, outcomes.get(each) as MigrationOutcome])),
  )
  if (!report.ok) throw failedError(report, signal)
  return report
}

function canaryOf(
  shards: readonly MigratedShard[],
  { canary }: MigrateOptions,
  onError: 'stop' | 'continue',
): MigratedShard | undefined {
  if (canary === null) return undefined
  if (canary === undefined) return onError === 'stop' ? shards[0] : undefined
  return shards.find(({ shard }) => shard.name === canary)
}
