import { createSharding } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { expect, test } from 'vitest'
import { codedRows, readPage } from './support/markdown.ts'

/** The paths of all that is no object: `closedCounts.idle`, `holders[].holder`. */
function pathsOf(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return [...new Set(value.flatMap((one) => pathsOf(one, `${path}[]`)))]
  if (typeof value !== 'object' || value === null) return [path]
  return Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, path === '' ? key : `${path}.${key}`))
}

test('docs/monitoring.md has every field of a real snapshot', async () => {
  const connection = await createDatabase()
  await using sharding = createSharding({
    config: { shards: { shard_0: { client: 'pg', connection, replicas: [{ connection }] } } },
  })
  const { writing, reading } = await sharding.connectedTo('shard_0', async () => {
    await sharding.connectedTo({ role: 'reading' }, () => {})
    const found = sharding.stats({ holders: true }).shards['shard_0']
    if (found === undefined) throw new Error('unreachable')
    return found
  })
  const { endpoints, ...figures } = writing
  expect(JSON.parse(JSON.stringify(writing))).toEqual(writing)
  const [forRoles = '', forEndpoints = ''] = readPage('docs/monitoring.md').split('Each of `endpoints`')
  const documented = (page: string) => codedRows(page).map(([field = '']) => field.slice(1, -1))
  expect(documented(forRoles).sort()).toEqual(pathsOf(figures).sort())
  const all = [...pathsOf(endpoints['shard_0']), ...pathsOf(reading.endpoints['shard_0/replica-0'])]
  const own = new Set(all.filter((path) => !pathsOf(figures).includes(path) && path !== 'holders'))
  expect(documented(forEndpoints).sort()).toEqual([...own].sort())
})
