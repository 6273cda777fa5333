import {
  COUNT,
  checkOptions,
  FUNCTION,
  isListOfTexts,
  isObject,
  type OptionRule,
  type OptionRules,
  oneOf,
  orNull,
  SIGNAL,
  TEXT,
  TIME,
} from '../../util/option-rules.ts'

const TEXTS: OptionRule = {
  wanted: 'a list of at least one text',
  accepts: (value) => isListOfTexts(value) && (value as readonly string[]).length > 0,
}

const SOURCE: OptionRule = {
  wanted: 'an object with getMigrations(), getMigrationName() and getMigration()',
  accepts: (value) =>
    isObject(value) &&
    ['getMigrations', 'getMigrationName', 'getMigration'].every((name) => typeof value[name] === 'function'),
}

const SETTINGS: OptionRules = {
  directory: {
    wanted: 'a folder, or a list of folders',
    accepts: (value) => TEXT.accepts(value) || TEXTS.accepts(value),
  },
  loadExtensions: TEXTS,
  sortDirsSeparately: oneOf(true, false),
  migrationSource: SOURCE,
  tableName: TEXT,
  schemaName: TEXT,
  disableTransactions: oneOf(true, false),
  disableMigrationsListValidation: oneOf(true, false),
}

const STATUS: OptionRules = {
  shards: { wanted: "a list of at least one shard's name", accepts: TEXTS.accepts },
  concurrency: COUNT,
  concurrencyPerServer: orNull(COUNT),
  checkoutTimeoutMs: TIME,
  ...SETTINGS,
}

const LATEST: OptionRules = {
  ...STATUS,
  canary: orNull({ wanted: "a shard's name", accepts: TEXT.accepts }),
  onError: oneOf('stop', 'continue'),
  signal: SIGNAL,
  lockTimeoutMs: orNull(TIME),
  onProgress: FUNCTION,
}

const RULES = { latest: LATEST, rollback: { ...LATEST, all: oneOf(true, false) }, status: STATUS } as const

/** Throws TypeError for an option that does not exist, has a value that it cannot have, or contradicts another. */
export function checkMigrateOptions(options: unknown, method: keyof typeof RULES): void {
  const taker = `migrate.${method}()`
  checkOptions(options, RULES[method], taker)
  const { migrationSource, directory } = options as Record<string, unknown>
  if (migrationSource !== undefined && directory !== undefined)
    throw new TypeError(`${taker} takes a directory or a migrationSource, not both.`)
}
