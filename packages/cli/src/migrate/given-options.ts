import type { MigrateOptions, MigrationSettings, MigrationStatusOptions, MigrationTargets } from '@sherd/core'

/** Where migrations are, as it stands on the command line. */
export interface GivenSettings {
  readonly directory?: readonly string[]
  readonly table?: string
  readonly schema?: string
}

export interface GivenTargets extends GivenSettings {
  readonly shard?: readonly string[]
  readonly concurrency?: number
  readonly concurrencyPerServer?: number
  readonly checkoutTimeout?: number
}

export interface GivenRun extends GivenTargets {
  /** False for `--no-canary`. */
  readonly canary?: string | false
  readonly continue?: boolean
  readonly lockTimeout?: number
  readonly all?: boolean
}

export function migrationSettings({ directory, table, schema }: GivenSettings): MigrationSettings {
  return given({ directory, tableName: table, schemaName: schema })
}

export function statusOptions(options: GivenTargets): MigrationStatusOptions {
  return { ...migrationSettings(options), ...targets(options) }
}

export function runOptions(options: GivenRun): MigrateOptions {
  const { canary, lockTimeout } = options
  return {
    ...statusOptions(options),
    ...given<MigrateOptions>({
      canary: canary === false ? null : canary,
      onError: options.continue ? 'continue' : 'stop',
      lockTimeoutMs: lockTimeout,
    }),
  }
}

function targets({ shard, concurrency, concurrencyPerServer, checkoutTimeout }: GivenTargets) {
  return given<MigrationTargets>({
    shards: shard,
    concurrency,
    concurrencyPerServer,
    checkoutTimeoutMs: checkoutTimeout,
  })
}

/** Without what was not given, which the API has defaults for. */
function given<T extends object>(options: { readonly [K in keyof T]?: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}
