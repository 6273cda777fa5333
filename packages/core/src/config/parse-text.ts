import { type Document, type ErrorCode, LineCounter, parseDocument, visit, type YAMLError } from 'yaml'
import type { ConfigSource } from './config-source.ts'
import { describeSyntaxError } from './syntax-error.ts'
import { dialects, MAX_ALIASES } from './yaml-dialect.ts'

/** Largest file that is read at all: a thousand shards with ten thousand tenants each stay far below. */
const MAX_CHARACTERS = 16 * 1024 * 1024

/** Errors that stand for themselves. Of all others the first is reported: the rest are mostly its consequences. */
const INDEPENDENT: readonly ErrorCode[] = ['DUPLICATE_KEY', 'NON_STRING_KEY', 'TAG_RESOLVE_FAILED']

/** What a YAML or JSON text says; undefined when it cannot be read, which is then noted at `source`. */
export function parseText(text: string, source: ConfigSource): unknown {
  if (text.length > MAX_CHARACTERS) {
    source.report([], { message: 'is too long to be a configuration', mend: 'Keep it below 16 MiB.' })
    return undefined
  }
  const format = source.file.endsWith('.json') ? 'json' : 'yaml'
  const lines = new LineCounter()
  let document: Document | undefined
  try {
    document = parseDocument(text, { ...dialects[format], lineCounter: lines })
    const errors: YAMLError[] = [...document.errors, ...document.warnings].sort((a, b) => a.pos[0] - b.pos[0])
    const first = errors.find(({ code }) => !INDEPENDENT.includes(code))
    for (const error of errors) {
      if (error !== first && !INDEPENDENT.includes(error.code)) continue
      const { line, col } = lines.linePos(error.pos[0])
      const lineText = text.split('\n', line)[line - 1] ?? ''
      source.report([], describeSyntaxError(error.code, { format, line, column: col, lineText }))
    }
    return errors.length === 0 ? (document.toJS({ maxAliasCount: MAX_ALIASES }) ?? {}) : undefined
  } catch (error) {
    // What the parser throws instead of collecting: unknown or exploding aliases, nesting beyond the stack.
    const place = isUnknownAlias(error) ? placeOfUnknownAlias(document, lines) : ''
    source.report([], describeParserFailure(error, place))
    return undefined
  }
}

function isUnknownAlias(error: unknown): boolean {
  return error instanceof ReferenceError && error.message.startsWith('Unresolved alias')
}

/** The parser does not say where: an alias may only name an anchor that stands before it. */
function placeOfUnknownAlias(document: Document | undefined, lines: LineCounter): string {
  const anchors = new Set<string>()
  let place = ''
  visit(document ?? null, {
    Value(_key, { anchor }) {
      if (anchor !== undefined) anchors.add(anchor)
    },
    Alias(_key, { source, range }) {
      if (anchors.has(source)) return undefined
      const { line, col } = lines.linePos(range?.[0] ?? 0)
      place = ` at line ${line}, column ${col}`
      return visit.BREAK
    },
  })
  return place
}

function describeParserFailure(error: unknown, place: string): { message: string; mend: string } {
  if (isUnknownAlias(error)) {
    return {
      message: `uses an alias (\`*name\`)${place} that no anchor (\`&name\`) defines`,
      mend: 'Define the anchor first.',
    }
  }
  if (error instanceof ReferenceError) {
    return { message: 'repeats its aliases too often', mend: 'Write the values out, or use `defaults`.' }
  }
  if (error instanceof RangeError) {
    return { message: 'is nested too deeply', mend: 'Write it with fewer levels.' }
  }
  return { message: 'cannot be read', mend: 'Check its syntax, its anchors and its merge keys (`<<`).' }
}
