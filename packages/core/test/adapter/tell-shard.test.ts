import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { expect, test } from 'vitest'
import type { RequestShard } from '../../src/adapter/index.ts'
import { requestState } from '../../src/adapter/request-state.ts'
import { tellShard } from '../../src/adapter/tell-shard.ts'

const shard = { name: 'shard_0' } as RequestShard

interface Told {
  shard?: RequestShard
}

/** A request as a framework makes it that has `prototype` for requests. */
function request(prototype: object): IncomingMessage & Told {
  const req = new IncomingMessage(new Socket())
  Object.setPrototypeOf(req, prototype)
  requestState(req).shard = shard
  tellShard(req, shard)
  return req
}

test('a request of Node itself has it, and no other object comes to have anything', () => {
  expect(request(IncomingMessage.prototype).shard).toBe(shard)
  expect(IncomingMessage.prototype).not.toHaveProperty('shard')
})

test('where there are prototypes of others, the last of them tells it for all', () => {
  const base = Object.create(IncomingMessage.prototype)
  const one = request(Object.create(base))
  const other = request(Object.create(Object.create(base)))
  for (const req of [one, other]) {
    expect(req.shard).toBe(shard)
    expect(Object.keys(req)).not.toContain('shard')
  }
  expect(Object.create(base).shard).toBeUndefined()
  expect(Object.keys(base)).toEqual([])
})

test('what somebody else has put there is his, and requests have their own', () => {
  const base = Object.create(IncomingMessage.prototype, { shard: { value: 'his', writable: true } })
  expect(request(base).shard).toBe(shard)
  expect(base.shard).toBe('his')
  const between = Object.create(Object.create(IncomingMessage.prototype), {
    shard: { value: 'his', writable: true },
  })
  expect(request(between).shard).toBe(shard)
})

test('its state is found from wherever the request is, and shown nowhere', () => {
  const req = new IncomingMessage(new Socket())
  req.rawHeaders = ['Host', 'localhost']
  const state = requestState(req)
  expect(requestState(Object.create(req))).toBe(state)
  expect(requestState(new Proxy(req, {}))).toBe(state)
  expect([...req.rawHeaders, ...Object.keys(req.rawHeaders)]).toEqual(['Host', 'localhost', '0', '1'])
  expect(requestState(new IncomingMessage(new Socket()))).not.toBe(state)
})
