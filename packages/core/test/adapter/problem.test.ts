import { toProblem } from '@sherd/core/adapter'
import { describe, expect, it } from 'vitest'
import * as errors from '../../src/errors.ts'

interface ErrorClass {
  new (message: string, options?: errors.ShardingErrorOptions): errors.ShardingError
  readonly name: string
  readonly status: number
}

const classes = Object.values(errors).filter(
  (value) => typeof value === 'function' && value !== errors.ShardingError,
) as unknown as readonly ErrorClass[]

const SECRET = 'postgres://admin:hunter2@10.0.0.7/acme'
const WHOLE = { shard: 'shard_0', cause: new Error(SECRET), retryAfter: 2 }

function made(name: string, options: errors.ShardingErrorOptions = WHOLE): errors.ShardingError {
  if (name === 'ConfigInvalidError') {
    const problem = { file: SECRET, path: '', value: SECRET, message: SECRET, mend: SECRET }
    return new errors.ConfigInvalidError([problem])
  }
  const Class = classes.find((candidate) => candidate.name === name) as ErrorClass
  return new Class(SECRET, options)
}

const NO_STORE = { 'cache-control': 'no-store', 'content-type': 'application/problem+json' }

describe('the answer to an error', () => {
  it.each([
    ['TenantMissingError', 400, 'Bad request', 'SHARD_ERR_TENANT_MISSING'],
    ['TenantInvalidError', 400, 'Bad request', 'SHARD_ERR_TENANT_INVALID'],
    ['TenantUnknownError', 404, 'Not found', 'SHARD_ERR_TENANT_UNKNOWN'],
  ])('of the request, %s, is %i and says nothing of shards', (name, status, title, code) => {
    expect(toProblem(made(name, { shard: 'shard_0', cause: new Error(SECRET) }))).toEqual({
      status,
      headers: NO_STORE,
      body: { type: 'about:blank', title, status, code },
    })
  })

  it.each([
    ['CheckoutTimeoutError', 'SHARD_ERR_CHECKOUT_TIMEOUT'],
    ['CheckoutAbortedError', 'SHARD_ERR_CHECKOUT_ABORTED'],
    ['PoolOverloadedError', 'SHARD_ERR_POOL_OVERLOADED'],
    ['PoolDrainingError', 'SHARD_ERR_POOL_DRAINING'],
    ['ShardUnavailableError', 'SHARD_ERR_SHARD_UNAVAILABLE'],
    ['RouterUnavailableError', 'SHARD_ERR_ROUTER_UNAVAILABLE'],
  ])('of capacity, %s, is 503 and says when to come again', (name, code) => {
    const title = 'Service temporarily unavailable'
    const bare = { type: 'about:blank', title, status: 503, code, error: title }
    expect(toProblem(made(name))).toEqual({
      status: 503,
      headers: { ...NO_STORE, 'retry-after': '2' },
      body: { ...bare, shard: 'shard_0', retryAfter: 2 },
    })
    expect(toProblem(made(name), { exposeShard: false })?.body).toEqual({ ...bare, retryAfter: 2 })
    expect(toProblem(made(name, {}))).toEqual({ status: 503, headers: NO_STORE, body: bare })
  })

  it('is left to the application for every mistake of the programmer, and for every error of others', () => {
    const mistakes = classes.filter(({ status }) => status === 500).map(({ name }) => made(name))
    expect(mistakes.length).toBeGreaterThan(10)
    const others = [new Error(SECRET), Object.assign(new Error(SECRET), { statusCode: 503 }), null, SECRET]
    for (const error of [...mistakes, ...others, undefined]) expect(toProblem(error)).toBeUndefined()
  })

  it('covers every status that an error class has', () => {
    const answers = new Map(classes.map(({ name, status }) => [status, toProblem(made(name))?.status]))
    expect(Object.fromEntries(answers)).toEqual({ 400: 400, 404: 404, 500: undefined, 503: 503 })
  })

  it.each(classes.map(({ name }) => name))('has no message, cause, stack, address or tenant: %s', (name) => {
    const text = JSON.stringify(toProblem(made(name)) ?? {})
    for (const secret of ['hunter2', 'admin', '10.0.0.7', 'acme', 'stack', 'problem.test']) {
      expect(text).not.toContain(secret)
    }
  })

  it("has headers of its own each time, and leaves the error's alone", () => {
    const error = new errors.CheckoutTimeoutError('late', { retryAfter: 1 })
    expect(toProblem(error)?.headers).not.toBe(toProblem(error)?.headers)
    expect(error.headers).toEqual({ 'cache-control': 'no-store', 'retry-after': '1' })
  })
})
