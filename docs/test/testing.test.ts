import { createSharding } from '@sherd/core'
import { failRouter, failShard, type ShardFailure } from '@sherd/core/testing'
import { expect, test } from 'vitest'
import { readPage, sections } from './support/markdown.ts'

test('each failure of docs/testing.md is the error that it says', async () => {
  const page = sections(readPage('docs/testing.md'))
  const rows = page
    .find(({ title }) => title === '## Failures at will')
    ?.text.matchAll(/^\| `([\w-]+)` \| `(SHARD_ERR_\w+)` \|/gm)
  const documented = Array.from(
    rows ?? [],
    ([, failure, code]) => [failure as string, code as string] as const,
  )
  expect(documented.length).toBe(6)

  const connection = 'postgres://nobody@127.0.0.1:1/nothing'
  await using sharding = createSharding({
    config: { shards: { shard_0: { client: 'pg', connection, tenants: ['acme'] } } },
  })
  for (const [failure, code] of documented) {
    using _ =
      failure === 'failRouter'
        ? failRouter(sharding)
        : failShard(sharding, 'shard_0', failure as ShardFailure)
    await expect(sharding.connectedToTenant('acme', () => {})).rejects.toMatchObject({ code })
  }
})
