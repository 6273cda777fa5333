import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { scaled } from '@sherd/local-servers/test-scale'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { createSharding } from '../../src/index.ts'

const DESCRIPTORS = '/proc/self/fd'
const SHARDS = scaled(1000)
const OPEN_POOLS = Math.max(3, SHARDS / 20)
const CALLERS = 20
const ROUND = 250

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/**
 * Files below `folder` that are open, once all is quiet. libsql has no way to end a statement, and closes a connection's
 * files when the connection is closed and its statements have been collected.
 */
async function openFiles(folder: string): Promise<number> {
  for (let round = 0; round < 2; round++) {
    collect()
    // Finalizers run between turns of the event loop.
    await delay(20)
  }
  return readdirSync(DESCRIPTORS).filter((descriptor) => {
    try {
      return readlinkSync(join(DESCRIPTORS, descriptor)).startsWith(folder)
    } catch {
      // The one that the list was read with.
      return false
    }
  }).length
}

test.skipIf(!existsSync(DESCRIPTORS))(
  'a thousand SQLite shards behind fifty open pools, hit at random: descriptors bounded, every answer right',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sherd-pools-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const names = Array.from({ length: SHARDS }, (_, index) => `shard_${index}`)
    const sharding = createSharding({
      config: {
        defaults: {
          client: 'libsql',
          pool: { max: 2, checkoutTimeoutMs: 60_000 },
          knex: { useNullAsDefault: true },
        },
        limits: { maxOpenPools: OPEN_POOLS },
        shards: Object.fromEntries(names.map((name) => [name, { connection: join(folder, `${name}.db`) }])),
      },
    })
    onTestFinished(() => sharding.close({ deadlineMs: 0 }))
    let most = 0
    const at = sharding.connectedTo
    for (const name of names) {
      await at(name, async () => {
        await sharding.db.schema.createTable('who', (table) => {
          table.string('name')
          table.integer('hits')
        })
        await sharding.db('who').insert({ name, hits: 0 })
      })
    }

    const seed = Math.floor(Math.random() * 2 ** 31)
    console.info(`thousand-pools: seed ${seed}`)
    const hits = fc.sample(fc.nat(SHARDS - 1), { numRuns: scaled(5000), seed })
    const wrong: string[] = []
    const caller = async (left: Iterable<number>) => {
      for (const hit of left) {
        const name = `shard_${hit}`
        const row = await at(name, async () => {
          await sharding.db('who').increment('hits', 1)
          return sharding.db('who').first()
        })
        if (row.name !== name) wrong.push(`${name} was answered by ${row.name}`)
      }
    }
    for (let from = 0; from < hits.length; from += ROUND) {
      const left = hits.slice(from, from + ROUND).values()
      await Promise.all(Array.from({ length: CALLERS }, () => caller(left)))
      most = Math.max(most, await openFiles(folder))
    }

    expect(wrong).toEqual([])
    const counts = await Promise.all(
      names.map((name) => at(name, () => sharding.db('who').first()).then(({ hits: count }) => count)),
    )
    const expected = names.map((_, index) => hits.filter((hit) => hit === index).length)
    expect(counts, 'no write is lost').toEqual(expected)
    // A connection has its file, and in WAL mode two more. Statements of the last callers may not have been collected.
    expect(most).toBeLessThanOrEqual((OPEN_POOLS * 2 + CALLERS) * 3)
    const open = names.filter((name) => (sharding.stats().shards[name]?.writing.total ?? 0) > 0)
    expect(open.length).toBeLessThanOrEqual(OPEN_POOLS)
  },
  300_000,
)
