import { expect, test } from 'vitest'
import { ScopeLife } from '../../src/scope/scope-life.ts'

test('the signal is made when somebody asks for it, and is always the same', () => {
  const life = new ScopeLife()
  const { signal } = life
  expect(life.signal).toBe(signal)
  expect(signal.aborted).toBe(false)
})

test('L7: the signal aborts with the first reason, and tells once', () => {
  const life = new ScopeLife()
  let told = 0
  life.signal.addEventListener('abort', () => told++)
  life.abort('gone')
  life.abort('ended')
  expect(life.signal.reason).toBe('gone')
  expect(told).toBe(1)
})

test('a signal that is asked for afterwards is aborted already, with the first reason', () => {
  const life = new ScopeLife()
  life.abort('gone')
  life.abort('ended')
  expect(life.signal.aborted).toBe(true)
  expect(life.signal.reason).toBe('gone')
})
