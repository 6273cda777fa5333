import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { createDatabase } from '@sherd/local-servers/test-database'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { serve } from './adapter/serve.ts'
import { errorOf } from './support/error-of.ts'

type Core = typeof import('../src/index.ts')
type Adapter = typeof import('../src/adapter/index.ts')

const root = fileURLToPath(new URL('..', import.meta.url))
const require = createRequire(import.meta.url)
const url = await createDatabase()

let folder: string
let esm: Core & { adapter: Adapter }
let cjs: Core & { adapter: Adapter }

beforeAll(async () => {
  // Here the copies find the package's dependencies, and no test runner rewrites them.
  folder = await mkdtemp(path.join(root, 'node_modules', '.dual-'))
  await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }')
  const tsdown = require.resolve('tsdown/run')
  await promisify(execFile)(process.execPath, [tsdown, '--no-dts', '--out-dir', folder], { cwd: root })
  const load = (file: string) => import(pathToFileURL(path.join(folder, file)).href)
  esm = { ...(await load('index.js')), adapter: await load('adapter/index.js') }
  cjs = {
    ...require(path.join(folder, 'index.cjs')),
    adapter: require(path.join(folder, 'adapter/index.cjs')),
  }
})

afterAll(() => rm(folder, { recursive: true, force: true }))

describe('the ESM and the CommonJS copy in one process', () => {
  const sides = () =>
    [
      [esm, cjs],
      [cjs, esm],
    ] as const

  function open(core: Core) {
    const shards = { shard_0: { client: 'pg', connection: url, tenants: ['acme', 'globex'] } }
    const sharding = core.createSharding({ config: { shards } })
    onTestFinished(() => sharding.close({ deadlineMs: 0 }))
    return sharding
  }

  it('are two', () => {
    expect(esm.createSharding).not.toBe(cjs.createSharding)
    expect(esm.ScopeMissingError).not.toBe(cjs.ScopeMissingError)
  })

  it('see one scope, and query on its one connection', async () => {
    for (const [one, other] of sides()) {
      const sharding = open(one)
      const pid = async ({ db }: Core) => (await db.raw('select pg_backend_pid() as pid')).rows[0].pid
      await sharding.connectedToTenant('acme', async () => {
        expect(other.currentScope()).toBe(one.currentScope())
        expect(other.requireScope().tenant).toBe('acme')
        expect(await pid(other)).toBe(await pid(one))
        await other.connectedTo('shard_0', async () => expect(await pid(one)).toBe(await pid(other)))
        await other.unlocked(async () => expect(await pid(one)).toBe(await pid(other)))
        expect(other.bindScope(() => one.currentScope()?.shard)()).toBe('shard_0')
        await other.releaseConnection()
      })
      expect(sharding.stats().shards['shard_0']?.writing.total).toBe(1)
      expect(other.currentScope()).toBeUndefined()
    }
  })

  it('see one transaction', async () => {
    for (const [one, other] of sides()) {
      const sharding = open(one)
      const id = async ({ db }: Core) => (await db.raw('select pg_current_xact_id()::text as id')).rows[0].id
      await sharding.connectedTo('shard_0', async () => {
        await one.db.transaction(async () => expect(await id(other)).toBe(await id(one)))
        const trx = await other.db.transaction()
        await one.withTransaction(trx, async () => expect(await id(other)).toBe(await id(one)))
        await trx.rollback()
        await other.withRawConnection(async () => expect(await id(other)).not.toBe(await id(one)))
      })
    }
  })

  it('share the default Sharding', async () => {
    for (const [one, other] of sides()) {
      const sharding = open(one)
      one.setDefaultSharding(sharding)
      await expect(other.shardFor('globex')).resolves.toBe('shard_0')
      await other.connectedTo('shard_0', async () => {
        expect(one.currentScope()?.shard).toBe('shard_0')
      })
    }
  })

  it("know each other's errors", async () => {
    for (const [one, other] of sides()) {
      const sharding = open(one)
      const missing = await errorOf(() => one.requireScope())
      const unknown = await errorOf(() => sharding.shardFor('nobody'))
      expect(missing).toBeInstanceOf(other.ScopeMissingError)
      expect(missing).toBeInstanceOf(other.ShardingError)
      expect(missing).not.toBeInstanceOf(other.TenantUnknownError)
      expect(unknown).toBeInstanceOf(other.TenantUnknownError)
      expect(other.adapter.toProblem(unknown)?.status).toBe(404)
    }
  })

  it('bind one request to one scope and one lease', async () => {
    for (const [one, other] of sides()) {
      const sharding = open(one)
      const tenant = { header: 'x-tenant-id' }
      const { port } = await serve((req, res) => {
        one.adapter.bindNodeRequest(req, res, { sharding, tenant }, () => {
          other.adapter.bindNodeRequest(req, res, { sharding, tenant }, async () => {
            const { rows } = await other.db.raw('select 1 as one')
            const { writing } = sharding.stats().shards['shard_0'] ?? {}
            res.end(JSON.stringify([one.currentScope()?.tenant, rows[0].one, writing?.total]))
          })
        })
      })
      const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-tenant-id': 'acme' } })
      await expect(response.json()).resolves.toEqual(['acme', 1, 1])
    }
  })
})
