import type { Knex } from 'knex'

/** A migration may say whether it wants a transaction; knex's declarations do not. */
interface ConfiguredMigration extends Knex.Migration {
  readonly config?: { readonly transaction?: boolean }
}

/** Told of each migration that runs. */
export interface MigrationWatcher {
  /** What it throws keeps the migration from running. */
  begins(migration: string): void
  done(migration: string, durationMs: number): void
}

/** The same migrations, some of them only if wanted, and a watcher around each. */
export class WatchedSource<M> implements Knex.MigrationSource<M> {
  readonly #source: Knex.MigrationSource<M>
  readonly #watcher: MigrationWatcher
  readonly #only: ReadonlySet<string> | undefined

  constructor(source: Knex.MigrationSource<M>, watcher: MigrationWatcher, only?: ReadonlySet<string>) {
    this.#source = source
    this.#watcher = watcher
    this.#only = only
  }

  async getMigrations(loadExtensions: readonly string[]): Promise<M[]> {
    const all = await this.#source.getMigrations(loadExtensions)
    return all.filter((migration) => this.#only?.has(this.getMigrationName(migration)) ?? true)
  }

  getMigrationName(migration: M): string {
    return this.#source.getMigrationName(migration)
  }

  async getMigration(migration: M): Promise<Knex.Migration> {
    const name = this.getMigrationName(migration)
    const { up, down, config } = (await this.#source.getMigration(migration)) as ConfiguredMigration
    const watched = { up: this.#watched(name, up), down: this.#watched(name, down) }
    return (config === undefined ? watched : { ...watched, config }) as Knex.Migration
  }

  /** knex complains of what is no function. */
  #watched(name: string, run: Knex.Migration['up'] | undefined): unknown {
    if (typeof run !== 'function') return run
    return async (knex: Knex) => {
      this.#watcher.begins(name)
      const startedAt = performance.now()
      await run(knex)
      this.#watcher.done(name, performance.now() - startedAt)
    }
  }
}
