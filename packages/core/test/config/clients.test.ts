import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { drivers } from '../../src/config/clients.ts'

const { SUPPORTED_CLIENTS } = createRequire(import.meta.url)('knex/lib/constants') as {
  SUPPORTED_CLIENTS: string[]
}

describe('clients', () => {
  it('are those that knex knows, and libsql', () => {
    expect(Object.keys(drivers).sort()).toEqual([...SUPPORTED_CLIENTS, 'libsql'].sort())
  })
})
