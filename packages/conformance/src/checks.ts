import { once } from 'node:events'
import type { Server } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { db, type HealthReport, type Sharding } from '@sherd/core'
import { type ShardHealthOptions, shutdownOnSignals } from '@sherd/core/adapter'
import { createDatabase } from '@sherd/local-servers/test-database'
import { bound, scaled } from '@sherd/local-servers/test-scale'
import { describe, expect, it, onTestFinished } from 'vitest'
import { deferred } from '../../core/test/support/deferred.ts'
import { openSharding } from '../../core/test/support/open-sharding.ts'
import { ServerView } from '../../core/test/support/server-view.ts'
import { until } from '../../core/test/support/until.ts'
import type { Handler } from './host.ts'
import { poolOf, RunningApplication } from './support/application.ts'

const [url, other] = [await createDatabase(), await createDatabase()]
const NOWHERE = 'postgres://sherd:top-secret@127.0.0.1:1/nowhere'

/** Listens on a free port of 127.0.0.1 until the current test ends. */
export type StartChecks = (app: CheckedApp) => Promise<Server>

/**
 * An application with the three checks, `GET /shards`, `/live` and `/ready`; the same in `/behind`, where the adapter takes
 * tenants from `x-tenant-id`; and `GET /behind/work`.
 */
export interface CheckedApp {
  readonly sharding: Sharding
  readonly health: ShardHealthOptions
  readonly work: Handler
}

/** What every framework's checks have to answer, declared as tests. */
export function describeChecks(name: string, startChecks: StartChecks): void {
  describe(`health, liveness and readiness in ${name}`, () => {
    async function start(sharding: Sharding, health: Omit<ShardHealthOptions, 'sharding'> = {}) {
      const end = deferred()
      onTestFinished(() => end.resolve())
      const work: Handler = async (_req, res) => {
        await db.raw('select 1')
        await end.promise
        res.json('done')
      }
      const server = await startChecks({ sharding, health: { ...health, sharding }, work })
      return { app: new RunningApplication(server), server, end }
    }

    const twoShards = (pool = {}) =>
      openSharding(
        {
          shard_0: { connection: url, tenants: ['acme'] },
          shard_1: { connection: other, tenants: ['initech'] },
        },
        { pool: { shedTargetMs: null, ...pool } },
      )

    async function trip(sharding: Sharding, shard: string): Promise<void> {
      await until(async () => {
        await sharding.connectedTo(shard, () => sharding.db.raw('select 1')).catch(() => {})
        return (await sharding.health()).shards[shard]?.breaker !== 'closed'
      })
    }

    it('answers with the report, which nobody keeps, and opens nothing for it', async () => {
      const sharding = twoShards()
      const { app } = await start(sharding)
      const answer = await app.ask('/shards')
      expect(answer.status).toBe(200)
      expect(answer.headers.get('content-type')).toBe('application/json')
      expect(answer.headers.get('cache-control')).toBe('no-store')
      expect(answer.headers.get('etag')).toBeNull()
      const unused = {
        status: 'healthy',
        responseTimeMs: null,
        breaker: 'closed',
        pools: { writing: { total: 0, active: 0, idle: 0, waiting: 0, max: 10, utilization: 0 } },
        warnings: [],
      }
      expect(await answer.json()).toEqual({
        status: 'healthy',
        checkedAt: expect.stringMatching(/^\d{4}-.*Z$/),
        shards: { shard_0: unused, shard_1: unused },
      })
      expect((await app.ask('/shards', undefined, { method: 'HEAD' })).status).toBe(200)
      expect(poolOf(sharding).total).toBe(0)
    })

    it('stays 200 for a saturated shard, and names it', async () => {
      const sharding = twoShards({ max: 2 })
      const { app, end } = await start(sharding)
      const held = [1, 2, 3].map(() => app.ask('/behind/work', 'acme'))
      await until(() => poolOf(sharding).active === 2 && poolOf(sharding).waiting === 1)
      const answer = await app.ask('/shards')
      const { status, shards } = (await answer.json()) as HealthReport
      expect([answer.status, status]).toEqual([200, 'degraded'])
      expect(shards['shard_0']?.warnings.map(({ code }) => code)).toEqual([
        'NONE_AVAILABLE',
        'UTILIZATION_HIGH',
        'WAITING',
      ])
      expect(shards['shard_1']?.status).toBe('healthy')
      end.resolve()
      expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200, 200])
      await until(async () => (await app.json<HealthReport>('/shards')).status === 'healthy')
    })

    it('answers 503 for a dead shard; the process is ready none the less, for the others', async () => {
      const sharding = openSharding({
        shard_0: { connection: NOWHERE, tenants: ['acme'] },
        shard_1: { connection: other, tenants: ['initech'] },
      })
      const { app } = await start(sharding, { probe: true })
      const answer = await app.ask('/shards')
      expect(answer.status).toBe(503)
      expect(answer.headers.get('cache-control')).toBe('no-store')
      const text = await answer.text()
      expect(text).not.toMatch(/top-secret|127\.0\.0\.1|nowhere|ECONNREFUSED|select/)
      const { status, shards } = JSON.parse(text) as HealthReport
      expect(status).toBe('unhealthy')
      expect(shards['shard_0']).toMatchObject({ status: 'unhealthy', warnings: [{ code: 'PROBE_FAILED' }] })
      expect(shards['shard_1']).toMatchObject({
        status: 'healthy',
        responseTimeMs: expect.any(Number),
        warnings: [],
      })
      expect((await app.ask('/ready')).status).toBe(200)
      expect((await app.ask('/live')).status).toBe(200)
    })

    it('says why when it is asked to: by code, never by text', async () => {
      const sharding = openSharding({ shard_0: { connection: NOWHERE, tenants: ['acme'] } })
      const { app } = await start(sharding, { probe: true, details: true })
      const text = await (await app.ask('/shards')).text()
      expect(JSON.parse(text).shards.shard_0.warnings).toMatchObject([
        { code: 'PROBE_FAILED', cause: 'ECONNREFUSED' },
      ])
      expect(text).not.toMatch(/top-secret|127\.0\.0\.1|nowhere/)
    })

    it('is not ready while no shard at all can be served, and again by itself; it is alive all the time', async () => {
      const sharding = twoShards()
      const { app } = await start(sharding)
      const isolations = [sharding.isolate('shard_0'), sharding.isolate('shard_1')]
      const answer = await app.ask('/ready')
      expect(answer.status).toBe(503)
      expect(answer.headers.get('cache-control')).toBe('no-store')
      expect(await answer.json()).toEqual({ status: 'not ready', reason: 'no shard is healthy' })
      expect(await app.json('/live')).toEqual({ status: 'alive' })
      isolations[1]?.release()
      expect(await app.json('/ready')).toEqual({ status: 'ready' })
      isolations[0]?.release()
    })

    it('is not ready from the moment in which the server begins to shut down', async () => {
      const sharding = twoShards()
      const { app, server } = await start(sharding)
      expect((await app.ask('/ready')).status).toBe(200)
      const shutdown = shutdownOnSignals(server, sharding, { signals: [], delayMs: bound(200) })
      const done = shutdown.shutDown()
      const answer = await app.ask('/ready')
      expect(answer.status).toBe(503)
      expect(await answer.json()).toEqual({ status: 'not ready', reason: 'shutting down' })
      expect((await app.ask('/live')).status).toBe(200)
      await done
    })

    it('says that a Sharding is closed', async () => {
      const sharding = twoShards()
      const { app } = await start(sharding, { probe: true })
      await sharding.close()
      expect((await app.ask('/ready')).status).toBe(503)
      const answer = await app.ask('/shards')
      expect(answer.status).toBe(503)
      expect(((await answer.json()) as HealthReport).shards['shard_0']?.warnings).toMatchObject([
        { code: 'DRAINING' },
      ])
    })

    it('needs no tenant behind the adapter, and holds no connection of one', async () => {
      const mute = await listenMute()
      const sharding = openSharding({
        shard_0: { connection: url, tenants: ['acme'] },
        shard_1: { connection: `postgres://u:p@127.0.0.1:${mute.port}/d`, tenants: ['initech'] },
      })
      const { app } = await start(sharding, { probe: { timeoutMs: 1000, maxAgeMs: 0 } })
      for (const path of ['/behind/live', '/behind/ready']) expect((await app.ask(path)).status).toBe(200)
      await sharding.connectedTo('shard_0', () => sharding.db.raw('select 1'))
      let isAnswered = false
      const answer = app.ask('/behind/shards', 'acme').finally(() => {
        isAnswered = true
      })
      // While the probe of the other shard goes on, the request's connection is back.
      await until(() => mute.accepted > 0)
      await until(() => poolOf(sharding).idle === poolOf(sharding).total)
      expect(isAnswered).toBe(false)
      expect((await answer).status).toBe(503)
      expect((await app.ask('/behind/shards')).status).toBe(503)
    })

    it('a thousand requests at once open no more connections than one', async () => {
      const sharding = twoShards({ max: 20 })
      const view = await ServerView.open(url)
      const { app } = await start(sharding, { probe: { maxAgeMs: 0 } })
      const answers = await Promise.all(Array.from({ length: scaled(1000) }, () => app.ask('/shards')))
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
      expect(poolOf(sharding)).toMatchObject({ total: 1, active: 0 })
      expect(await view.sessions()).toHaveLength(1)
    })

    it('a breaker that has opened makes its shard unhealthy without a probe', async () => {
      const sharding = openSharding({
        shard_0: { connection: NOWHERE, tenants: ['acme'] },
        shard_1: { connection: other, tenants: ['initech'] },
      })
      const { app } = await start(sharding)
      await trip(sharding, 'shard_0')
      const { shards } = await app.json<HealthReport>('/shards')
      expect(shards['shard_0']?.status).toBe('unhealthy')
      expect(shards['shard_1']?.status).toBe('healthy')
    })
  })
}

/** A server that accepts connections and says nothing. */
async function listenMute() {
  const sockets = new Set<Socket>()
  const listener = createServer((socket) => {
    socket.on('error', () => {})
    sockets.add(socket)
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    listener.close()
  })
  return {
    port: (listener.address() as AddressInfo).port,
    get accepted() {
      return sockets.size
    },
  }
}
