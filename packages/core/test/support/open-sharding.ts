import { type ConfigObject, createSharding, type Sharding } from '@sherd/core'
import { onTestFinished } from 'vitest'
import { engine } from './engine.ts'
import { numberSqliteConnection } from './engines/sqlite-engine.ts'

type Shards = Exclude<ConfigObject['shards'], string>
type Defaults = NonNullable<ConfigObject['defaults']>

/** A Sharding for the current test, on the database of this run, closed by force when the test has finished. */
export function openSharding(shards: Shards, defaults: Defaults = {}): Sharding {
  const numbering = engine.name.startsWith('SQLite') ? { afterCreate: numberSqliteConnection } : {}
  const own: Defaults = { client: engine.client, ...numbering }
  const sharding = createSharding({ config: { defaults: { ...own, ...defaults }, shards } })
  onTestFinished(() => sharding.close({ deadlineMs: 0 }))
  return sharding
}
