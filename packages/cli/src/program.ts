import { Command, Option } from 'commander'
import manifest from '../package.json' with { type: 'json' }
import type { Answer } from './answer.ts'
import { check } from './commands/check.ts'
import { type RouteOptions, route } from './commands/route.ts'
import { type StatusOptions, status } from './commands/status.ts'
import { addMigrate, type OnSharding, withSettings } from './migrate/migrate-command.ts'
import type { Surroundings } from './surroundings.ts'
import { text } from './text.ts'
import { wholeNumber } from './whole-number.ts'
import { type Source, withSharding } from './with-sharding.ts'

/** The command's arguments and options; `give` gets what the command has to say. */
export function createProgram(surroundings: Surroundings, give: (answer: Answer) => void): Command {
  const { stdout, env } = surroundings
  const program = new Command('sherd')
  const source = (): Source => ({ ...program.opts(), env })
  const onSharding: OnSharding = async (fn) => give(await withSharding(source(), fn))

  program
    .description('Look after the shards of an application: its configuration, its databases, their schema.')
    .exitOverride()
    .configureOutput({
      writeOut: (lines) => stdout.write(lines),
      // What is wrong is told once, as every problem is.
      writeErr: () => {},
      outputError: () => {},
      getOutHelpWidth: () => stdout.columns ?? 80,
    })
    .configureHelp({ showGlobalOptions: true })
    .version(manifest.version, '--version', 'print the version')
    .helpOption('-h, --help', 'print what can be asked for')
    .helpCommand('help [command]', 'print what a command can be asked for')
    .option(
      '--config <folder>',
      'where sharding.yaml and shards/ are (default: SHERD_CONFIG, else ./config)',
      text,
    )
    .addOption(
      new Option(
        '--sharding <file>',
        "the application's own module instead, which exports a Sharding or a configuration object",
      )
        .argParser(text)
        .conflicts('config'),
    )
    .option('--json', 'print one JSON document')

  program
    .command('check')
    .description('say everything that is wrong with the configuration; connects to nothing')
    .action(async () => give(await check(source())))

  withSettings(program.command('status'))
    .description('ask every shard how it is: reachable, latency, server, connections, migrations')
    .option('--timeout <ms>', 'milliseconds for all shards together', wholeNumber(1), 5000)
    .option('--concurrency <count>', 'shards that are asked at a time', wholeNumber(1), 16)
    .action((options: StatusOptions) => onSharding((sharding) => status(sharding, options)))

  program
    .command('route')
    .description('say on which shard a tenant lives')
    .argument('<tenant>', 'its id')
    .option('--explain', 'say why: which strategy, from which file and place')
    .action((tenant: string, options: RouteOptions) =>
      onSharding((sharding) => route(sharding, tenant, options)),
    )

  addMigrate(program, surroundings, onSharding)

  return program
}
