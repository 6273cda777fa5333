#!/usr/bin/env node
import { claimStdout } from './claim-stdout.ts'
import type { ExitCode } from './exit-code.ts'
import { main } from './main.ts'

const { stderr, env } = process
/** Undefined until there is an answer. */
let exitCode: ExitCode | undefined

process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  // Who reads may stop reading, as `head` does: a migration goes on all the same.
  if (code === 'EPIPE') return
  exitCode = 1
  stderr.write(`sherd: the answer cannot be written: ${message}\n`)
})
// Nor does it end because nobody can be told how far it is.
stderr.on('error', () => {})
process.on('exit', (code) => {
  // A module or a migration may call process.exit(), or wait for what never comes: no deployment may take that for success.
  if (exitCode === undefined) stderr.write('sherd: the process has ended before there was an answer\n')
  if (exitCode === undefined || code === 0) process.exitCode = exitCode ?? 1
})

/** Time for what is on its way to a slow reader. */
const GRACE_MS = 1000

const answered = await main(process.argv.slice(2), {
  stdout: claimStdout(process),
  stderr,
  env,
  signals: process,
})
exitCode ??= answered
// Nothing of the command is left; a module of the application may have opened something that would keep it alive.
setTimeout(() => process.exit(), GRACE_MS).unref()
