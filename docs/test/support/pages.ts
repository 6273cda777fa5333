import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './markdown.ts'

/** The documentation, as paths from the root. */
export const pages: readonly string[] = [
  'README.md',
  'ARCHITECTURE.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]
