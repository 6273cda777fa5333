import type { Knex } from 'knex'
import { MigrationAbortedError, type MigrationOutcome } from '../../errors.ts'
import { createSessionLock, hasSessionLock } from './create-session-lock.ts'
import { createMigrator, type MigratorConfig, withoutProcessing } from './knex-migrator.ts'
import { LockRow } from './lock-row.ts'
import type { MigrationParts } from './migration-parts.ts'
import { type CompletedMigration, lastBatch, readCompleted } from './migration-table.ts'
import { onShard } from './on-shard.ts'
import { makePatient } from './session-patience.ts'
import type { MigratedShard } from './shard-settings.ts'
import { type LockWait, lockedError, waitForLock } from './wait-for-lock.ts'
import { type MigrationWatcher, WatchedSource } from './watched-source.ts'

/** What is to be done on each shard. */
export interface MigrationTask {
  /** Names of the migrations to undo; undefined: to run all that have not. */
  readonly undo: ReadonlySet<string> | undefined
  readonly checkoutTimeoutMs: number | undefined
  readonly lockTimeoutMs: number | null
  readonly signal: AbortSignal | undefined
}

/** Told of what happens on one shard. */
export interface ShardWatcher extends MigrationWatcher {
  waitsForLock(): void
}

const LOCK_TIMEOUT_MS = 60_000

const KNEX_HOLDER =
  'knex itself is at work on them, or was killed when it was; if it was, `knex migrate:unlock` helps'

export function lockTimeoutOf(lockTimeoutMs: number | null = LOCK_TIMEOUT_MS): number | null {
  return lockTimeoutMs
}

/** Of a shard that was not even asked. */
export function failedOutcome(error: unknown): MigrationOutcome {
  return Object.freeze({
    status: 'failed',
    migrations: Object.freeze([]),
    batch: null,
    durationMs: 0,
    error,
    migration: undefined,
  })
}

/** Migrates one shard, whatever comes: never rejects. */
export async function migrateShard(
  parts: MigrationParts,
  migrated: MigratedShard,
  task: MigrationTask,
  watcher: ShardWatcher,
): Promise<MigrationOutcome> {
  const startedAt = performance.now()
  const run = new ShardRun(migrated, task, watcher)
  const visit = {
    shard: migrated.shard.name,
    preventWrites: false,
    checkoutTimeoutMs: task.checkoutTimeoutMs,
    isLong: true,
  }
  let outcome: Undated
  try {
    outcome = await onShard(parts, visit, (knex) => run.on(knex))
  } catch (error) {
    outcome = run.failure(error)
  }
  return Object.freeze({ ...outcome, durationMs: performance.now() - startedAt })
}

// A union loses its members where one property is left out of all of it.
type WithoutTime<T> = T extends unknown ? Omit<T, 'durationMs'> : never
type Undated = WithoutTime<MigrationOutcome>

/** The migrations of one shard, in its scope. */
class ShardRun {
  readonly #migrated: MigratedShard
  readonly #task: MigrationTask
  readonly #watcher: ShardWatcher
  #running: string | undefined
  #hasBegun = false

  constructor(migrated: MigratedShard, task: MigrationTask, watcher: ShardWatcher) {
    this.#migrated = migrated
    this.#task = task
    this.#watcher = watcher
  }

  failure(error: unknown): Undated {
    if (!this.#hasBegun && this.#task.signal?.aborted) return this.#aborted()
    return { status: 'failed', migrations: [], batch: null, error, migration: this.#running }
  }

  #aborted(): Undated {
    return { status: 'skipped', reason: 'aborted', migrations: [], batch: null }
  }

  async on(knex: Knex): Promise<Undated> {
    const { client } = this.#migrated.shard.config
    const wait = this.#wait()
    if (!hasSessionLock(client)) return await this.#run(knex, false)
    const lock = createSessionLock(client, withoutProcessing(knex), this.#migrated.settings)
    await waitForLock(() => lock.tryTake(), wait)
    try {
      return await this.#runLocked(knex, wait)
    } finally {
      // Lost with its connection, if it cannot be released.
      await lock.release().catch(() => {})
    }
  }

  /** Holding the session's lock. */
  async #runLocked(knex: Knex, wait: LockWait): Promise<Undated> {
    const { shard, settings } = this.#migrated
    const completed = await readCompleted(knex, settings)
    this.#assertCanUndo(completed)
    if (this.#hasNothingToDo(completed))
      return { status: 'unchanged', migrations: [], batch: lastBatch(completed) }
    const db = withoutProcessing(knex)
    const undoPatience = await makePatient(shard.config.client, db)
    const row = new LockRow(db, settings)
    try {
      // Makes knex's tables where there are none, and complains of files that are missing.
      await createMigrator(knex, true).list(this.#config())
      await waitForLock(() => row.tryTake(), {
        ...wait,
        holder: KNEX_HOLDER,
      })
      return await this.#run(knex, true).finally(() => row.release().catch(() => {}))
    } finally {
      await undoPatience().catch(() => {})
    }
  }

  #hasNothingToDo(completed: readonly CompletedMigration[]): boolean {
    const { undo } = this.#task
    const { all } = this.#migrated
    const names = new Set(completed.map(({ name }) => name))
    if (undo !== undefined) return ![...undo].some((name) => names.has(name))
    // A file that is missing is for knex to complain of.
    return all.length === names.size && all.every((name) => names.has(name))
  }

  #assertCanUndo(completed: readonly CompletedMigration[]): void {
    const { undo } = this.#task
    const { all, shard } = this.#migrated
    const known = new Set(all)
    const lost = completed.find(({ name }) => undo?.has(name) && !known.has(name))
    if (lost !== undefined)
      throw new Error(
        `"${lost.name}" has run on shard "${shard.name}" and cannot be undone: its file is not there.`,
      )
  }

  async #run(knex: Knex, isLocked: boolean): Promise<Undated> {
    const { settings } = this.#migrated
    const { undo } = this.#task
    const before = await readCompleted(knex, settings)
    const migrator = createMigrator(knex, isLocked)
    const config = this.#config()
    this.#hasBegun = true
    try {
      const [batch, migrations] =
        undo === undefined ? await migrator.latest(config) : await migrator.rollback(config, true)
      const status = migrations.length === 0 ? 'unchanged' : 'migrated'
      return { status, migrations: Object.freeze([...migrations]), batch: batch || null }
    } catch (thrown) {
      const error = isKnexLock(thrown) ? lockedError(this.#migrated.shard.name, KNEX_HOLDER, thrown) : thrown
      const after = await readCompleted(knex, settings).catch(() => undefined)
      if (after === undefined) throw error
      const [from, to] = undo === undefined ? [after, before] : [before, after]
      const rest = new Set(to.map(({ name }) => name))
      const stayed = from.flatMap(({ name }) => (rest.has(name) ? [] : [name]))
      const migrations = Object.freeze(undo === undefined ? stayed : stayed.reverse())
      if (error instanceof MigrationAbortedError && migrations.length === 0) return this.#aborted()
      return { status: 'failed', migrations, batch: lastBatch(after), error, migration: this.#running }
    }
  }

  #config(): MigratorConfig {
    const { source, settings } = this.#migrated
    const { undo, signal } = this.#task
    const { shard } = this.#migrated
    const watcher: MigrationWatcher = {
      begins: (migration) => {
        if (signal?.aborted) throw abortedError(shard.name, migration, signal.reason)
        this.#running = migration
        this.#watcher.begins(migration)
      },
      done: (migration, durationMs) => {
        this.#running = undefined
        this.#watcher.done(migration, durationMs)
      },
    }
    const { directory: _d, loadExtensions: _l, sortDirsSeparately: _s, ...rest } = settings
    return {
      ...rest,
      // What is left out of a list is not missing.
      ...(undo === undefined ? {} : { disableMigrationsListValidation: true }),
      migrationSource: new WatchedSource(source, watcher, undo),
    }
  }

  #wait(): LockWait {
    const { signal, lockTimeoutMs } = this.#task
    return {
      shard: this.#migrated.shard.name,
      until: performance.now() + (lockTimeoutMs ?? Number.POSITIVE_INFINITY),
      signal,
      onWait: () => this.#watcher.waitsForLock(),
      holder: 'another run is at work on them',
    }
  }
}

/** What knex throws where its lock is the only one. */
function isKnexLock(error: unknown): boolean {
  return error instanceof Error && error.name === 'MigrationLocked'
}

function abortedError(shard: string, migration: string, cause: unknown): MigrationAbortedError {
  return new MigrationAbortedError(
    `The signal aborted before "${migration}" began on shard "${shard}". Another run goes on from here.`,
    { shard, cause },
  )
}
