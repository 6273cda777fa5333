import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, test } from 'vitest'
import { runInRootContext } from '../../src/util/root-context.ts'

const storage = new AsyncLocalStorage<string>()

test('L10: what runs in the root context sees no request, and neither does what it starts', async () => {
  await storage.run('a request', async () => {
    expect(runInRootContext(() => storage.getStore())).toBeUndefined()
    const later = runInRootContext(async () => {
      await null
      return storage.getStore()
    })
    expect(await later).toBeUndefined()
    expect(storage.getStore()).toBe('a request')
  })
})

test('what is thrown inside comes out', () => {
  expect(() =>
    runInRootContext(() => {
      throw new Error('inside')
    }),
  ).toThrow('inside')
})
