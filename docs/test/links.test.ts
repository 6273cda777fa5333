import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT, readPage } from './support/markdown.ts'
import { pages } from './support/pages.ts'

test.each(pages)('every link of %s to another file leads somewhere', (page) => {
  const targets = [...readPage(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(
    ([, target]) => target as string,
  )
  expect(targets.filter((target) => !existsSync(join(ROOT, dirname(page), target)))).toEqual([])
})
