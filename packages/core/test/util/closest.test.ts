import { describe, expect, it } from 'vitest'
import { closest } from '../../src/util/closest.ts'

describe('closest', () => {
  it.each([
    ['conection', 'connection'],
    ['Pool', 'pool'],
    ['tenatns', 'tenants'],
    ['connexion', 'connection'],
    ['x', undefined],
    ['somethingElse', undefined],
    ['', undefined],
    ['c'.repeat(100_000), undefined],
  ])('of %s is %s', (word, meant) => {
    expect(closest(word, ['connection', 'pool', 'tenants'])).toBe(meant)
  })
})
