import { type Command, CommanderError } from 'commander'
import type { Answer } from './answer.ts'
import type { ExitCode } from './exit-code.ts'
import { InputError } from './input-error.ts'
import { problemOf } from './problem.ts'
import { createProgram } from './program.ts'
import { styleFor } from './style.ts'
import type { Surroundings } from './surroundings.ts'

const OF_PROCESS: Surroundings = {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  signals: process,
}

/**
 * Runs the command `sherd` with these arguments, and prints what it has to say. Never rejects; leaves no connection open.
 *
 * @param argv without the program's name: `['route', 'acme']`
 * @param surroundings streams, environment and signals. @default those of the process
 * @returns what is to become the process's exit code
 */
export async function main(
  argv: readonly string[],
  surroundings: Surroundings = OF_PROCESS,
): Promise<ExitCode> {
  const { stdout, stderr, env } = surroundings
  const isJson = asksForJson(argv)
  const printJson = (document: object) => stdout.write(`${JSON.stringify(document, null, 2)}\n`)
  try {
    const answer = await answerTo(argv, surroundings)
    if (answer === undefined) return 0
    if (isJson) printJson(answer.document)
    else stdout.write(`${answer.text(styleFor(stdout, env))}\n`)
    return answer.exitCode
  } catch (error) {
    const { exitCode, document, text } = problemOf(error)
    if (isJson) printJson(document)
    stderr.write(`${styleFor(stderr, env)('red', text)}\n`)
    return exitCode
  }
}

/** Undefined when help or the version was asked for, and has been printed. */
async function answerTo(argv: readonly string[], surroundings: Surroundings): Promise<Answer | undefined> {
  let answer: Answer | undefined
  const program = createProgram(surroundings, (given) => {
    answer = given
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.code === 'commander.help') throw commandMissing(program)
    if (error.exitCode !== 0) throw error
  }
  return answer
}

/** Where commander would print help. */
function commandMissing(program: Command): InputError {
  const group = program.commands.find((command) => command.name() === program.args[0]) ?? program
  const commands = group.commands.length > 0 ? group.commands : program.commands
  return new InputError(`say which command: ${commands.map((command) => command.name()).join(', ')}`)
}

/** Known before anything else is: what is wrong with the other arguments is told as a document, too. */
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return argv.slice(0, end === -1 ? undefined : end).includes('--json')
}
