import type { Sharding } from '@sherd/core'
import type { Command } from 'commander'
import type { Answer } from '../answer.ts'
import { folders } from '../folders.ts'
import type { Surroundings } from '../surroundings.ts'
import { text, texts } from '../text.ts'
import { wholeNumber } from '../whole-number.ts'
import { type GivenRun, type GivenTargets, runOptions, statusOptions } from './given-options.ts'
import { migrationStatus } from './migration-status.ts'
import { runMigrations } from './run-migrations.ts'

/** Runs `fn` on the shards that the arguments name, and gives its answer. */
export type OnSharding = (fn: (sharding: Sharding) => Promise<Answer>) => Promise<void>

/** `sherd migrate …` and its options, as part of a program. */
export function addMigrate(program: Command, surroundings: Surroundings, onSharding: OnSharding): void {
  const migrate = program.command('migrate').description("run knex's migrations on all shards")

  withRunOptions(migrate.command('latest'))
    .description('run what has not run yet; run it again to go on where it has failed')
    .action((options: GivenRun) =>
      onSharding((sharding) =>
        runMigrations((given) => sharding.migrate.latest(given), runOptions(options), surroundings),
      ),
    )

  withRunOptions(migrate.command('rollback'))
    .description('undo the last batch')
    .option('--all', 'undo everything that has ever run')
    .action(({ all = false, ...options }: GivenRun) =>
      onSharding((sharding) =>
        runMigrations(
          (given) => sharding.migrate.rollback(given),
          { ...runOptions(options), all },
          surroundings,
        ),
      ),
    )

  withTargetOptions(migrate.command('status'))
    .description('say what has run and what has not; changes nothing')
    .action((options: GivenTargets) =>
      onSharding((sharding) => migrationStatus(sharding, statusOptions(options))),
    )
}

/** Where migrations are. */
export function withSettings(command: Command): Command {
  return command
    .option(
      '--directory <folder>',
      'of the migrations; may be given several times (default: ./migrations)',
      folders,
    )
    .option('--table <name>', 'in which knex keeps what has run (default: knex_migrations)', text)
    .option('--schema <name>', "of that table (default: the connection's own)", text)
}

function withTargetOptions(command: Command): Command {
  return withSettings(command)
    .option('--shard <name>', 'this one only; may be given several times (default: all)', texts)
    .option('--concurrency <count>', 'shards at a time (default: 5)', wholeNumber(1))
    .option('--concurrency-per-server <count>', 'the same for shards on one server', wholeNumber(1))
    .option(
      '--checkout-timeout <ms>',
      "that a shard may take to give a connection (default: its pool's)",
      wholeNumber(1),
    )
}

function withRunOptions(command: Command): Command {
  return withTargetOptions(command)
    .option(
      '--canary <shard>',
      'the shard that goes first: the others begin once it has succeeded (default: the first, unless --continue)',
      text,
    )
    .option('--no-canary', 'all at once')
    .option('--continue', 'go on after a shard has failed, in place of beginning no other')
    .option(
      '--lock-timeout <ms>',
      'to wait for another run that is at work on a shard (default: 60000)',
      wholeNumber(1),
    )
}
