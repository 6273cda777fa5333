import type { ErrorCode } from 'yaml'
import type { Complaint } from './config-source.ts'

/** In our own words, because the parser's own messages quote the text, and the text may hold a password. */
const texts: Readonly<Partial<Record<ErrorCode, readonly [message: string, mend: string]>>> = {
  BAD_ALIAS: ['an alias (`*name`) is not written correctly', 'Write `*name`, or quote the text.'],
  BAD_DQ_ESCAPE: [
    'there is an unknown escape in a text in double quotes',
    'Use single quotes, or write `\\\\`.',
  ],
  BAD_INDENT: ['the indentation does not fit, or a bracket is not closed', 'Indent with two spaces a level.'],
  BAD_SCALAR_START: ['a text starts with a reserved character (`@`, `` ` ``, `%`, …)', 'Put it in quotes.'],
  BLOCK_AS_IMPLICIT_KEY: ['a second `:` stands on one line', 'Put the text that contains `: ` in quotes.'],
  BLOCK_IN_FLOW: ['an indented block stands between brackets', 'Close the bracket first.'],
  DUPLICATE_KEY: ['a key stands here twice', 'Keep one of the two.'],
  MISSING_CHAR: [
    'a quote, a bracket, a comma or a space is missing',
    'Close what was opened before this place.',
  ],
  MULTILINE_IMPLICIT_KEY: ['a `:` is missing after a key', 'Write `key: value` on one line.'],
  MULTIPLE_DOCS: ['a second document starts (`---`)', 'Keep one document in the file.'],
  NON_STRING_KEY: ['a key is not a text', 'Write the key as a plain word.'],
  RESOURCE_EXHAUSTION: ['it is nested too deeply', 'Write it with fewer levels.'],
  TAB_AS_INDENT: ['a tab is used as indentation', 'Use spaces.'],
  TAG_RESOLVE_FAILED: [
    'a value cannot be read as it is written',
    'Remove the tag (`!…`), or put the text in quotes.',
  ],
}

const jsonTexts: typeof texts = {
  TAG_RESOLVE_FAILED: [
    'a value is neither a text in quotes nor a number, true, false or null',
    'Put texts in double quotes.',
  ],
}

interface Place {
  readonly format: 'yaml' | 'json'
  readonly line: number
  readonly column: number
  readonly lineText: string
}

/** What is wrong with the text of a file, by the parser's code. */
export function describeSyntaxError(code: ErrorCode, { format, line, column, lineText }: Place): Complaint {
  const name = format === 'json' ? 'JSON' : 'YAML'
  const [what, mend] = (format === 'json' ? jsonTexts[code] : undefined) ??
    texts[code] ?? ['there is something that does not belong here', 'Compare it with its neighbours.']
  // YAML takes the brace of an unquoted `${…}` between brackets for a bracket of its own.
  const isPlaceholder = format === 'yaml' && lineText.includes('${')
  return {
    message: `is not valid ${name} at line ${line}, column ${column}: ${what}`,
    mend: isPlaceholder ? 'Between brackets, put `${…}` in quotes: `{ max: "${POOL_MAX}" }`.' : mend,
  }
}
