import { expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load-config.ts'
import type { KnexClient } from '../../src/pool/knex-internals.ts'
import { createUnknownEngine } from '../../src/pool/unknown-engine.ts'
import { createTopology } from '../../src/topology/topology.ts'

const config = loadConfig({ shards: { a: { client: 'pg', connection: 'postgres://h/d' } } }, {})
const endpoint = createTopology(config).shards.get('a')?.primary

test('a connection that is a function is asked anew for each connection', async () => {
  let asked = 0
  const opened: unknown[] = []
  const client = {
    connectionConfigProvider: async () => ({ host: 'h', password: `rotated-${++asked}` }),
    connectionSettings: undefined,
    acquireRawConnection: async () => {
      opened.push(client.connectionSettings)
      return {}
    },
  }
  const engine = createUnknownEngine(endpoint as never, client as unknown as KnexClient)
  await engine.open(new AbortController().signal, () => {})
  await engine.open(new AbortController().signal, () => {})
  expect(opened).toEqual([
    { host: 'h', password: 'rotated-1' },
    { host: 'h', password: 'rotated-2' },
  ])
})
