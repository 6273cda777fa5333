import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { codeBlocks, ROOT, readPage } from './support/markdown.ts'
import { pages } from './support/pages.ts'

const shown = pages.flatMap((page) =>
  codeBlocks(readPage(page))
    .filter(({ info }) => info.startsWith('examples/'))
    .map(({ info, code }) => ({ page, file: info, code })),
)

test.each(shown)('$page shows $file as it is', ({ file, code }) => {
  expect(code).toBe(readPage(file))
})

test('the recipes for other frameworks are shown, and have at most 40 lines of code each', () => {
  const folder = 'examples/frameworks/src'
  const recipes = readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`)
  expect(
    shown
      .filter(({ page }) => page === 'docs/other-frameworks.md')
      .map(({ file }) => file)
      .sort(),
  ).toEqual(recipes.sort())
  for (const recipe of recipes) {
    const lines = readPage(recipe)
      .split('\n')
      .map((line) => line.trim())
    const code = lines.filter((line) => line !== '' && !/^(\/\/|\/?\*)/.test(line))
    expect(code.length, recipe).toBeLessThanOrEqual(40)
  }
})
