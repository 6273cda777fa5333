import { createRequire } from 'node:module'
import { join } from 'node:path'
import { closest } from '../util/closest.ts'
import { drivers } from './clients.ts'
import type { Complaint } from './config-source.ts'
import type { Reading } from './reading.ts'
import type { ShardingInput } from './schema/sharding-schema.ts'

/** Looks for clients' drivers, each once, however many shards use it. */
export class DriverCheck {
  readonly #complaints = new Map<string, Complaint | undefined>()

  /** What is wrong with a client, or undefined. */
  complainAbout(client: string): Complaint | undefined {
    if (!this.#complaints.has(client)) this.#complaints.set(client, complaintAbout(client))
    return this.#complaints.get(client)
  }
}

/** The client for shards that do not name one, whether or not there are such. */
export function checkDefaultClient(main: Reading<ShardingInput>, drivers: DriverCheck): void {
  const client = main.value.defaults?.client
  const complaint = client === undefined ? undefined : drivers.complainAbout(client)
  if (complaint !== undefined) main.report(['defaults', 'client'], complaint)
}

function complaintAbout(client: string): Complaint | undefined {
  if (!Object.hasOwn(drivers, client)) {
    const meant = closest(client, Object.keys(drivers))
    return {
      message: 'is not a client that knex knows',
      mend:
        meant === undefined
          ? `Write one of ${Object.keys(drivers).join(', ')}.`
          : `Did you mean \`${meant}\`?`,
    }
  }
  const driver = drivers[client] ?? client
  if (isInstalled(driver)) return undefined
  return {
    message: `needs the package \`${driver}\`, which is not installed`,
    mend: `Run \`npm install ${driver}\` in the application.`,
  }
}

/** As the application sees it, and as knex does, which loads the driver from beside itself. */
const places = () => [createRequire(join(process.cwd(), 'package.json')), createRequire(import.meta.url)]

function isInstalled(driver: string): boolean {
  return places().some((require) => resolves(require, driver))
}

/** A driver that knex does not load by itself. */
export function loadDriver(driver: string): unknown {
  const [application, own] = places() as [NodeJS.Require, NodeJS.Require]
  return (resolves(application, driver) ? application : own)(driver)
}

function resolves(require: NodeJS.Require, name: string): boolean {
  try {
    require.resolve(name)
    return true
  } catch (error) {
    // A package that is there and only takes `import` is installed too.
    return error instanceof Error && 'code' in error && error.code === 'ERR_PACKAGE_PATH_NOT_EXPORTED'
  }
}
