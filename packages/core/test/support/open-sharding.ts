import { type ConfigObject, createSharding, type Sharding } from '@sherd/core'
import { onTestFinished } from 'vitest'

type Shards = Exclude<ConfigObject['shards'], string>
type Defaults = NonNullable<ConfigObject['defaults']>

/** A Sharding for the current test, closed by force when the test has finished. */
export function openSharding(shards: Shards, defaults: Defaults = {}): Sharding {
  const sharding = createSharding({ config: { defaults: { client: 'pg', ...defaults }, shards } })
  onTestFinished(() => sharding.close({ deadlineMs: 0 }))
  return sharding
}
