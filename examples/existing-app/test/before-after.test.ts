import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const example = fileURLToPath(new URL('..', import.meta.url))

/** As git shows it to everybody, whatever his settings. */
function difference(): string {
  const plain = ['--no-color', '--no-ext-diff', '--src-prefix=a/', '--dst-prefix=b/']
  const { stdout } = spawnSync('git', ['diff', '--no-index', ...plain, 'before', 'after'], {
    cwd: example,
    encoding: 'utf8',
  })
  return stdout.replace(/^index .*\n/gm, '')
}

test('before-after.diff is the difference between before/ and after/', async () => {
  expect(difference()).not.toBe('')
  await expect(difference()).toMatchFileSnapshot('../before-after.diff')
})

test('the test suite of the application is the same before and after', () => {
  const changed = [...difference().matchAll(/^diff --git a\/\S+ b\/(\S+)$/gm)].map(([, file]) => file)
  expect(changed).toEqual([
    'after/config/sharding.yaml',
    'after/config/shards/shard_0.yaml',
    'after/config/shards/shard_1.yaml',
    'after/src/app.ts',
    'after/src/database.ts',
    'after/src/projects.ts',
  ])
})
