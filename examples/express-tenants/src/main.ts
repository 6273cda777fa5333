// The demonstration around the application: database servers, rows, and a tour of what there is to see.
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { createSharding, setDefaultSharding } from '@sherd/core'
import { createApp } from './app.ts'
import { startDatabases } from './databases.ts'
import { addFirstProjects } from './first-projects.ts'
import { exitCodeOf, interruption } from './interruption.ts'
import { listen } from './listen.ts'
import { migrate } from './migrate.ts'
import { printLine, printRequestsToTry, printWaiting } from './print.ts'
import { TourError, takeTour } from './tour.ts'

const signal = interruption()
signal.addEventListener('abort', printStopping)

/** What it opens is closed in reverse order at its end; should this process die, the servers notice and end, too. */
async function demonstrate({ isOnce }: { isOnce: boolean }): Promise<void> {
  printLine()
  await using databases = await printWaiting('Starting two PostgreSQL servers', signal, startDatabases)
  await using sharding = createSharding({ env: { ...process.env, ...databases.env } })
  setDefaultSharding(sharding)
  signal.throwIfAborted()
  const [first, second] = databases.ports
  printLine(`Port ${first} has shard_0 and shard_1, port ${second} has shard_2`)
  await printWaiting('Creating tables and rows for six tenants on three shards', signal, async () => {
    await migrate(sharding)
    await addFirstProjects()
  })
  await using listening = await listen(createApp(sharding))
  printLine(`The application listens on ${listening.url}`)
  try {
    const { secondServer } = databases
    await takeTour({ url: listening.url, sharding, secondServer, signal })
    if (!isOnce) await serve(listening.url)
  } finally {
    if (!signal.aborted) printStopping()
  }
}

async function serve(url: string): Promise<void> {
  printRequestsToTry(url)
  if (!signal.aborted) await once(signal, 'abort')
}

function printStopping(): void {
  printLine()
  printLine('Stopping the application and the servers …')
}

/** The exit code after an error, which it prints. */
function report(error: unknown): number {
  if (signal.aborted) return exitCodeOf(signal)
  const isPlain = error instanceof TourError || isUsageError(error)
  console.error(isPlain ? `\n${error.message}` : error)
  return 1
}

function isUsageError(error: unknown): error is Error {
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
}

try {
  const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } })
  await demonstrate({ isOnce: values.once })
} catch (error) {
  process.exitCode = report(error)
}
