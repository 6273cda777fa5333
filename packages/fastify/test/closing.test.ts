import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { db, type Sharding, setDefaultSharding } from '@sherd/core'
import { forgetDefaultSharding } from '@sherd/core/adapter'
import { shardPlugin } from '@sherd/fastify'
import fastify from 'fastify'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { deferred } from '../../core/test/support/deferred.ts'
import { ACME, create, HEADER, openShard, url } from './support/application.ts'

describe('closing the application', () => {
  it('lets requests under way query to their end, then closes the Sharding if told to', async () => {
    const sharding = openShard()
    const app = create()
    const [reached, goOn] = [deferred(), deferred()]
    app.register(shardPlugin, { sharding, ...HEADER, checkout: 'lazy', closeSharding: true })
    app.get('/', async () => {
      reached.resolve()
      await goOn.promise
      return (await db.raw('select 1 as one')).rows
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as { port: number }
    const client = request({ port, headers: { ...ACME, connection: 'close' } }).end()
    const answer = once(client, 'response')
    await reached.promise
    const closed = app.close()
    goOn.resolve()
    const [response] = await answer
    expect(response.statusCode).toBe(200)
    response.resume()
    await closed
    await expect(sharding.connectedTo('shard_0', () => db.raw('select 1'))).rejects.toMatchObject({
      code: 'SHARD_ERR_POOL_DRAINING',
    })
  })

  it('leaves a Sharding alone that it was given, or that was the default already', async () => {
    for (const isDefault of [false, true]) {
      const sharding = openShard()
      if (isDefault) setDefaultSharding(sharding)
      const app = fastify()
      app.register(shardPlugin, { ...HEADER, ...(isDefault ? {} : { sharding }) })
      await app.ready()
      expect(app.sharding).toBe(sharding)
      await app.close()
      await sharding.connectedTo('shard_0', () => db.raw('select 1'))
      forgetDefaultSharding(sharding)
    }
  })

  it('closes the default Sharding that it has made, and the next application makes another', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'config-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const shard = { client: 'pg', connection: url, tenants: ['acme'] }
    await writeFile(
      join(folder, 'sharding.yaml'),
      JSON.stringify({ tenant: { header: 'x-tenant-id' }, router: { strategy: 'static' } }),
    )
    await mkdir(join(folder, 'shards'))
    await writeFile(join(folder, 'shards', 'shard_0.yaml'), JSON.stringify(shard))
    vi.stubEnv('SHERD_CONFIG', folder)
    onTestFinished(() => void vi.unstubAllEnvs())
    const seen = new Set<Sharding>()
    for (const _ of [1, 2]) {
      const app = fastify()
      app.register(shardPlugin)
      app.get('/', async () => (await db.raw('select 1 as one')).rows)
      expect((await app.inject({ url: '/', headers: ACME })).json()).toEqual([{ one: 1 }])
      const { sharding } = app
      seen.add(sharding)
      await app.close()
      const closed = sharding.connectedTo('shard_0', () => db.raw('select 1'))
      await expect(closed).rejects.toMatchObject({ code: 'SHARD_ERR_POOL_DRAINING' })
    }
    expect(seen.size).toBe(2)
  })
})
