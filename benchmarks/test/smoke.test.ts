import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { bundle } from '../src/bundle.ts'
import { startDatabase } from '../src/http/database.ts'
import { HostField } from '../src/http/host-field.ts'
import type { LoadCalls } from '../src/load/load-calls.ts'
import type { PoolCalls } from '../src/pool/pool-calls.ts'
import { POOL_NAMES } from '../src/pool/pool-under-test.ts'
import { MeasuredProcess } from '../src/processes/measured-process.ts'
import { HOSTS } from '../src/suites/end-to-end.ts'

// Everything that is measured runs once, with the real competitors; nothing is said about speed.

beforeAll(() => bundle(), 60_000)

test('every pool lends each connection to one caller at a time', { timeout: 60_000 }, async () => {
  await Promise.all(
    POOL_NAMES.map(async (name) => {
      const pool = new MeasuredProcess<PoolCalls>('pool-process')
      onTestFinished(() => pool.end())
      await pool.call('open', { name, max: 3, others: 1 })
      for (const callers of [1, 10]) {
        const { cyclesPerSecond } = await pool.call('measure', { work: { callers }, ms: 1 })
        expect(cyclesPerSecond).toBeGreaterThan(0)
      }
    }),
  )
})

test('every contestant answers every request with its tenant’s rows', { timeout: 60_000 }, async () => {
  await using database = await startDatabase()
  await using field = new HostField(database)
  const contestants = [
    'pg by hand, DISCARD ALL',
    'knex map',
    'Sherd, scrub auto',
    'Sherd raw, scrub always',
  ] as const
  await field.open(Object.fromEntries(contestants.map((name) => [name, HOSTS[name]])), 2)
  for (const path of ['/read/3', '/transaction/1']) {
    const what = {
      id: path,
      contestants,
      path,
      callers: 4,
      ms: 20,
      rounds: 1,
      warmUpRounds: 0,
      progress() {},
    }
    for (const { rounds } of (await field.compare(what)).contestants) {
      expect(rounds[0]?.requestsPerSecond).toBeGreaterThan(0)
      expect(rounds[0]?.cpuUsPerRequest).toBeGreaterThan(0)
      expect(rounds[0]?.connections).toBeGreaterThan(0)
      expect(rounds[0]?.connections).toBeLessThanOrEqual(2)
    }
  }
})

test('an answer that is not the expected one ends the run', { timeout: 60_000 }, async () => {
  const load = new MeasuredProcess<LoadCalls>('load-process')
  const host = new MeasuredProcess<import('../src/http/host-calls.ts').HostCalls>('host-process')
  onTestFinished(() => Promise.all([load.end(), host.end()]).then(() => {}))
  const port = await host.call('open', {
    variant: 'Sherd',
    framework: 'Fastify',
    url: null,
    poolMax: 2,
    hygiene: 'off',
    applicationName: 'smoke',
  })
  const asked = { port, callers: 2, ms: 10 }
  expect((await load.call('run', { ...asked, path: '/tenant' })).requests).toBeGreaterThan(0)
  // Clients that reach no server have no rows.
  await expect(load.call('run', { ...asked, path: '/read/1' })).rejects.toThrow('"projects":[]')
})
