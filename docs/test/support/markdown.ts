import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

export function readPage(path: string): string {
  return readFileSync(new URL(path, new URL('../../../', import.meta.url)), 'utf8')
}

export interface CodeBlock {
  readonly language: string
  readonly code: string
  /** What stands behind the language: `yaml invalid`, `json config/shards/shard_1.json`. */
  readonly info: string
  /** The name that its first line gives it, as in `// app.ts`, or what stands behind its language. */
  readonly file: string | undefined
}

export function codeBlocks(markdown: string): CodeBlock[] {
  const blocks = markdown.matchAll(/^```(\w+)(?: (.+))?\n([\s\S]*?)^```$/gm)
  return Array.from(blocks, ([, language = '', info = '', code = '']) => ({
    language,
    code,
    info,
    file:
      /^(?:\/\/|#) (\S+\.\w+)$/m.exec(code.split('\n', 1)[0] as string)?.[1] ?? /^\S+\.\w+$/.exec(info)?.[0],
  }))
}

/** A page cut at its headings, each piece with the heading that it stands under. */
export function sections(markdown: string): { readonly title: string; readonly text: string }[] {
  return markdown.split(/^(?=##+ )/m).map((text) => ({ title: text.split('\n', 1)[0] ?? '', text }))
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
