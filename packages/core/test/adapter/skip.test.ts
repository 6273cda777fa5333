import { describe, expect, it } from 'vitest'
import { skipTest } from '../../src/adapter/skipped-paths.ts'

type Skip = Parameters<typeof skipTest>[0]

const isSkipped = (skip: Skip, url: string, req: unknown = {}) =>
  skipTest(skip)(req, { method: 'GET', url, headers: {} })

describe('skip', () => {
  it.each(['/health', '/health/', '/health/live', '/health?x=1', 'http://example.com/health', '/health#top'])(
    'with a text leaves that path and everything under it alone: %s',
    (url) => {
      expect(isSkipped(['/health'], url)).toBe(true)
      expect(isSkipped(['/metrics', '/health/'], url)).toBe(true)
    },
  )

  it.each(['/', '/healthy', '/x/health', '/x?/health', '/HEALTH', '/%68ealth'])(
    'with a text leaves no other path alone: %s',
    (url) => {
      expect(isSkipped(['/health'], url)).toBe(false)
    },
  )

  it('with a regular expression goes by the path without its query, as often as it is asked', () => {
    const skip = [/\.(css|js)$/g]
    expect(isSkipped(skip, '/app.js?v=1')).toBe(true)
    expect(isSkipped(skip, '/app.js')).toBe(true)
    expect(isSkipped(skip, '/app?x=.js')).toBe(false)
    const sticky = skipTest([/\/static/gy])
    const parts = { method: 'GET', url: '/static/a', headers: {} }
    expect([sticky({}, parts), sticky({}, parts)]).toEqual([true, true])
  })

  it('with a function goes by what it says of the request', () => {
    const skip: Skip = (req) => (req as { internal: boolean }).internal
    expect(isSkipped(skip, '/', { internal: true })).toBe(true)
    expect(isSkipped(skip, '/', { internal: false })).toBe(false)
    expect(isSkipped((() => undefined) as never, '/')).toBe(false)
  })

  it('with a function that answers later throws, for a promise would skip every request', () => {
    expect(() => isSkipped((async () => false) as never, '/')).toThrow(
      new TypeError('The option "skip" must answer at once, not with a promise.'),
    )
  })

  it('without a value, or with an empty list, leaves nothing alone', () => {
    expect(isSkipped(undefined, '/')).toBe(false)
    expect(isSkipped([], '/')).toBe(false)
  })
})
