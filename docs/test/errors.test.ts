import * as core from '@sherd/core'
import { expect, test } from 'vitest'
import { codedRows, readPage } from './support/markdown.ts'

type ErrorClass = typeof core.ShardingError & { prototype: core.ShardingError }

const classes = Object.entries(core).filter(
  (entry): entry is [string, ErrorClass] =>
    typeof entry[1] === 'function' && Object.getPrototypeOf(entry[1]) === core.ShardingError,
)

test('docs/errors.md has every error with the status and the retryability that the code gives it', () => {
  const documented = codedRows(readPage('docs/errors.md'))
    .filter(([code]) => code?.startsWith('`SHARD_ERR_'))
    .map(([code, status, retryable]) => ({
      code: code?.slice(1, -1),
      status: Number(status),
      retryable: retryable === 'yes',
    }))
  const exported = classes.map(([, { code, status, retryable }]) => ({ code, status, retryable }))
  const byCode = (a: { code: string | undefined }, b: { code: string | undefined }) =>
    `${a.code}`.localeCompare(`${b.code}`)
  expect(documented.sort(byCode)).toEqual(exported.sort(byCode))
})

test('an error class is its code in PascalCase', () => {
  for (const [name, { code }] of classes) {
    const words = code.replace('SHARD_ERR_', '').toLowerCase().split('_')
    expect(name).toBe(`${words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')}Error`)
  }
})

test('errors are siblings: none is an instance of another', () => {
  for (const [name, Class] of classes) {
    const error = Reflect.construct(Class, [name === 'ConfigInvalidError' ? [] : name]) as Error
    expect(error).toBeInstanceOf(core.ShardingError)
    expect(classes.filter(([, Other]) => error instanceof Other).map(([other]) => other)).toEqual([name])
  }
})
