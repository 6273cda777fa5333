import { db, ScopeMissingError } from '@sherd/core'
import { describe, expect, it } from 'vitest'
import { errorOf } from '../support/error-of.ts'

// There is no `config` folder here: applications that call createSharding() themselves have none either.

describe('db without a default configuration', () => {
  it.each([
    ['db()', () => db('projects')],
    ['db.raw()', () => db.raw('select 1')],
    ['db.select()', () => db.select('name').from('projects')],
    ['db.transaction()', () => db.transaction(async () => {})],
    ['db.batchInsert()', () => db.batchInsert('projects', [] as never)],
    ['db.schema', () => db.schema.hasTable('projects')],
  ])(
    'S5: says of %s outside of scopes that the scope is missing, not that the configuration is',
    async (_call, use) => {
      expect(await errorOf(use)).toBeInstanceOf(ScopeMissingError)
    },
  )

  it('can be looked at, as tools for tests do', () => {
    expect(typeof (db as { prototype?: unknown }).prototype).toBe('object')
    expect(typeof db.raw).toBe('function')
    expect((db as { then?: unknown }).then).toBeUndefined()
  })
})
