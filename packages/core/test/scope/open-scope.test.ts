import { expect, test } from 'vitest'
import { ScopeEndedError } from '../../src/errors.ts'
import { Binding } from '../../src/pool/binding.ts'
import type { EndpointPool } from '../../src/pool/endpoint-pool.ts'
import type { Lease } from '../../src/pool/lease.ts'
import { OpenScope, type ScopeOwner } from '../../src/scope/open-scope.ts'
import type { Scope } from '../../src/scope/scope.ts'
import { LeaseBench } from '../support/lease-bench.ts'

const VALUE: Scope = {
  shard: 'shard_0',
  tenant: 'acme',
  role: 'writing',
  preventWrites: false,
  locked: false,
}

function open(lease: Lease, outer?: Binding<OpenScope>): Binding<OpenScope> {
  return new Binding(lease, lease.root, new OpenScope(VALUE, {} as EndpointPool, {} as ScopeOwner, outer))
}

async function nested() {
  const bench = new LeaseBench({ max: 3 })
  const [outerLease, innerLease] = [await bench.heldLease(), await bench.heldLease()]
  const outer = open(outerLease)
  outer.rules.own(outerLease)
  const shared = open(outerLease, outer)
  const inner = open(innerLease, shared)
  inner.rules.own(innerLease)
  return { outer: outer.rules, shared: shared.rules, inner: inner.rules, outerLease, innerLease }
}

test('a scope that has not ended refuses nothing, and has its value', async () => {
  const { outer } = await nested()
  expect(outer.ended).toBeUndefined()
  expect(outer).toMatchObject({ shard: 'shard_0', tenant: 'acme', preventWrites: false })
})

test('L5: scopes inside end with the scope around them, at any depth, leases and all', async () => {
  const { outer, shared, inner, outerLease, innerLease } = await nested()
  outer.end()
  for (const scope of [outer, shared, inner]) expect(scope.ended?.()).toBeInstanceOf(ScopeEndedError)
  expect(outerLease.isHeld).toBe(false)
  expect(innerLease.isHeld).toBe(false)
})

test('a scope that ends leaves the scopes around it as they are', async () => {
  const { outer, shared, inner, outerLease, innerLease } = await nested()
  inner.end()
  shared.end()
  expect(outer.ended).toBeUndefined()
  expect(innerLease.isHeld).toBe(false)
  expect(outerLease.isHeld).toBe(true)
})

test('a scope ends once, and stays ended when the scope around it does not', async () => {
  const { shared } = await nested()
  const ended = shared.end()
  expect(shared.end()).toBe(ended)
  expect(shared.ended).toBe(ended)
})

test('an ended scope keeps the scope around it no longer', async () => {
  const { inner, outer } = await nested()
  inner.end()
  expect(inner.outer).toBeUndefined()
  outer.end()
  expect(inner.ended?.()).toBeInstanceOf(ScopeEndedError)
})

test('L7: one signal serves a scope and all inside it, and aborts when the outermost ends', async () => {
  const { outer, shared, inner } = await nested()
  const { signal } = outer.life
  expect(inner.life.signal).toBe(signal)
  inner.end()
  shared.end()
  expect(signal.aborted).toBe(false)
  outer.end()
  expect(signal.aborted).toBe(true)
  expect(signal.reason).toBeInstanceOf(ScopeEndedError)
})
