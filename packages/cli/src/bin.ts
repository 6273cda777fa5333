#!/usr/bin/env node
import { main } from './main.ts'

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // Who reads may stop reading, as `head` does: a migration goes on all the same.
    if (error.code !== 'EPIPE') throw error
  })
}

/** Time for what is on its way to a slow reader. */
const GRACE_MS = 1000

process.exitCode = await main(process.argv.slice(2))
// Nothing of the command is left; a module of the application may have opened something that would keep it alive.
setTimeout(() => process.exit(), GRACE_MS).unref()
