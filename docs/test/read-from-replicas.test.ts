import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { codedRows, ROOT, readPage, sections } from './support/markdown.ts'

test('docs/replicas.md has every option of readFromReplicas', () => {
  const source = readFileSync(join(ROOT, 'packages/core/src/adapter/read-from-replicas.ts'), 'utf8')
  const [, options = ''] = /interface ReadFromReplicasOptions<R> \{(.*?)\n\}/s.exec(source) ?? []
  const names = Array.from(options.matchAll(/^ {2}readonly (\w+)\?/gm), ([, name]) => `\`${name}\``)
  const section = sections(readPage('docs/replicas.md')).find(
    ({ title }) => title === '## Reading what was just written',
  )
  expect(codedRows(section?.text ?? '').map(([name]) => name)).toEqual(names)
})
