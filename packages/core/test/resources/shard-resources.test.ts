import { expect, test } from 'vitest'
import { ResourcePoolClosedError, ResourcePoolMissingError, ScopeMissingError } from '../../src/errors.ts'
import { createSharding, defineResource } from '../../src/index.ts'
import { deferred } from '../support/deferred.ts'
import { errorOf } from '../support/error-of.ts'
import { eventsOfResources } from '../support/resources-of.ts'
import { settled } from '../support/settled.ts'

// Scopes that take no connection: no server is needed.
function configOf(...shards: string[]) {
  const connection = 'postgres://nobody@127.0.0.1:1/nothing'
  return {
    router: { strategy: 'static' as const },
    defaults: { client: 'pg' },
    shards: Object.fromEntries(
      shards.map((name) => [name, { connection: `${connection}_${name}`, tenants: [`tenant-${name}`] }]),
    ),
  }
}

function open(...shards: string[]) {
  const made: string[] = []
  const destroyed: string[] = []
  const events = (shard: string) =>
    defineResource({
      size: 2,
      create(index: number) {
        const id = `${shard}-${index}`
        made.push(id)
        return { id }
      },
      destroy: ({ id }) => void destroyed.push(id),
    })
  const sharding = createSharding({ config: configOf(...shards), resources: { events } })
  const on = <T>(shard: string, fn: () => T | PromiseLike<T>) =>
    sharding.connectedTo({ shard, checkout: 'lazy' }, fn)
  const use = (shard: string) => on(shard, () => sharding.resource('events').with(({ id }) => id))
  return { sharding, on, use, made, destroyed }
}

test('each shard has resources of its own, made when somebody there needs one', async () => {
  const { sharding, on, use, made } = open('shard_0', 'shard_1')
  expect(made).toEqual([])
  expect(await use('shard_1')).toBe('shard_1-0')
  expect(await Promise.all([use('shard_0'), use('shard_1')])).toEqual(['shard_0-0', 'shard_1-0'])
  expect(made).toEqual(['shard_1-0', 'shard_0-0'])
  await on('shard_0', () => {
    expect(sharding.resource('events')).toBe(sharding.resource('events'))
    expect(sharding.resource('events').name).toBe('events on shard_0')
  })
  await sharding.close()
})

test('outside of a scope, in that of another Sharding and under an unknown name there is none', async () => {
  const { sharding, on } = open('shard_0')
  const other = open('shard_0')
  expect(() => sharding.resource('events')).toThrow(ScopeMissingError)
  await other.on('shard_0', () => expect(() => sharding.resource('events')).toThrow(ScopeMissingError))
  const error = await errorOf(() => on('shard_0', () => sharding.resource('event' as 'events')))
  expect(error).toBeInstanceOf(ResourcePoolMissingError)
  expect(error.message).toContain('Did you mean "events"?')
  await Promise.all([sharding.close(), other.sharding.close()])
})

test('closing the Sharding closes them, and waits for what is in use', async () => {
  const { sharding, on, use, destroyed } = open('shard_0', 'shard_1')
  await use('shard_0')
  const { promise, resolve } = deferred()
  const work = on('shard_1', () => sharding.resource('events').with(() => promise))
  await settled()
  const closed = sharding.close()
  await settled()
  expect(destroyed).toEqual(['shard_0-0'])
  expect(await errorOf(() => use('shard_0'))).toBeInstanceOf(ResourcePoolClosedError)
  resolve()
  await Promise.all([work, closed])
  expect(destroyed).toEqual(['shard_0-0', 'shard_1-0'])
})

test('a shard that a reload leaves out keeps none, and one that comes back shares no index with what is left', async () => {
  const { names } = eventsOfResources()
  const { sharding, on, use, destroyed } = open('shard_0', 'shard_1')
  await use('shard_1')
  const { promise, resolve } = deferred()
  const { promise: asked, resolve: ask } = deferred()
  const work = on('shard_1', async () => {
    await sharding.resource('events').with(() => promise)
    await asked
    return await sharding.resource('events').with(({ id }) => id)
  })
  await settled()
  await sharding.reload({ config: configOf('shard_0'), allowRerouting: true })
  expect(destroyed).toEqual([])
  await sharding.reload({ config: configOf('shard_0', 'shard_1'), allowRerouting: true })
  expect(await use('shard_1')).toBe('shard_1-1')
  resolve()
  await settled()
  expect(destroyed).toEqual(['shard_1-0'])
  ask()
  expect(await work).toBe('shard_1-1')
  await sharding.close()
  expect(names).toEqual([
    'created events on shard_1',
    'created events on shard_1',
    'shutdown events on shard_1',
    'shutdown events on shard_1',
  ])
})

test('whoever is still in the scope of a shard that was left out is served', async () => {
  const { sharding, on, destroyed } = open('shard_0', 'shard_1')
  const { promise, resolve } = deferred()
  const work = on('shard_1', async () => {
    await promise
    return await sharding.resource('events').with(({ id }) => id)
  })
  await sharding.reload({ config: configOf('shard_0'), allowRerouting: true })
  resolve()
  expect(await work).toBe('shard_1-0')
  expect(destroyed).toEqual(['shard_1-0'])
  await sharding.close()
})

test('resources that are no functions are refused at once', () => {
  const resources = { events: { create: () => 1 } } as never
  expect(() => createSharding({ config: configOf('shard_0'), resources })).toThrow(
    'resources.events must be a function',
  )
})
