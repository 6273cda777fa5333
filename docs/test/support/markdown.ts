import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

export function readPage(path: string): string {
  return readFileSync(new URL(path, new URL('../../../', import.meta.url)), 'utf8')
}

export interface CodeBlock {
  readonly language: string
  readonly code: string
  /** The name that its first line gives it, as in `// app.ts`. */
  readonly file: string | undefined
}

export function codeBlocks(markdown: string): CodeBlock[] {
  return Array.from(markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm), ([, language = '', code = '']) => ({
    language,
    code,
    file: /^(?:\/\/|#) (\S+\.\w+)$/m.exec(code.split('\n', 1)[0] as string)?.[1],
  }))
}

/** The cells of every table row that begins with a code in backticks. */
export function codedRows(markdown: string): string[][] {
  return markdown
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    )
}
