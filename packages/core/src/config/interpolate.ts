import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { isPlainObject } from '../util/deep-freeze.ts'
import { quote } from '../util/quote.ts'
import type { Complaint } from './config-source.ts'
import { formatPath, type Path } from './path.ts'

const PLACEHOLDER = /\$\$\{|\$\{([^}]*)(\}?)/g
const WHOLE = /^\$\{[^}]*\}$/
const VARIABLE = /^([A-Za-z_]\w*)(?::-([\s\S]*))?$/
const ESCAPE = '$${'

/** Where `${…}` gets its values from. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv
  /** Folder that `${file:…}` starts from. */
  readonly folder: string
}

/** A tree of configuration after its variables were filled in. */
export interface Interpolated {
  readonly tree: unknown
  /** Formatted paths of texts that were one `${…}` and nothing else: they may become what the schema wants. */
  readonly convertible: ReadonlySet<string>
  /** Places whose value could not be had. They are missing in `tree`. */
  readonly broken: readonly { readonly path: Path; readonly complaint: Complaint }[]
}

/** Fills in `${NAME}`, `${NAME:-default}` and `${file:path}` in every text of the tree. Never in keys. */
export function interpolate(root: unknown, surroundings: Surroundings): Interpolated {
  const convertible = new Set<string>()
  const broken: { path: Path; complaint: Complaint }[] = []

  function visit(value: unknown, path: Path): unknown {
    if (typeof value === 'string') return value.includes('${') ? fill(value, path) : value
    if (Array.isArray(value)) return value.map((item, index) => visit(item, [...path, index]))
    if (!isPlainObject(value)) return value
    const entries = Object.entries(value).map(([key, item]) => [key, visit(item, [...path, key])] as const)
    return Object.fromEntries(entries.filter(([, item]) => item !== undefined))
  }

  function fill(written: string, path: Path): string | undefined {
    const complaints: Complaint[] = []
    const text = written.replace(PLACEHOLDER, (match: string, inside: string, end: string) => {
      if (match === ESCAPE) return '${'
      const value = end === '' ? unclosed : evaluate(inside, surroundings)
      if (typeof value === 'string') return value
      complaints.push(value)
      return ''
    })
    for (const complaint of complaints) broken.push({ path, complaint })
    if (complaints.length > 0) return undefined
    if (WHOLE.test(written)) convertible.add(formatPath(path))
    return text
  }

  return { tree: visit(root, []), convertible, broken }
}

/** The places of a tree that have something to fill in. */
export function placeholderPaths(value: unknown, path: Path = []): Path[] {
  if (typeof value === 'string') return value.replaceAll(ESCAPE, '').includes('${') ? [path] : []
  if (!Array.isArray(value) && !isPlainObject(value)) return []
  const children = Array.isArray(value) ? [...value.entries()] : Object.entries(value)
  return children.flatMap(([key, item]) => placeholderPaths(item, [...path, key]))
}

const unclosed: Complaint = {
  message: 'has a `${` without its `}`',
  mend: 'Close it, or write `$${` where the text itself has a `${`.',
}

function evaluate(inside: string, { env, folder }: Surroundings): string | Complaint {
  if (inside.startsWith('file:')) return readSecret(resolve(folder, inside.slice('file:'.length)), inside)
  const [, name, fallback] = VARIABLE.exec(inside) ?? []
  if (name === undefined || fallback?.includes('${')) {
    return {
      // Not quoted: it may be a piece of a password that happens to have a `${`.
      message: 'has a placeholder that is none',
      mend: 'Write `${NAME}`, `${NAME:-default}` or `${file:path}`; `$${` stands for a literal `${`.',
    }
  }
  const value = env[name]
  // As in a shell, `:-` also steps in for a variable that is set to nothing.
  if (fallback !== undefined && (value === undefined || value === '')) return fallback
  if (value !== undefined) return value
  return {
    message: `needs the environment variable ${name}, which is not set`,
    mend: `Set ${name}, or give a default: \`\${${name}:-…}\`.`,
  }
}

function readSecret(path: string, inside: string): string | Complaint {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    return {
      message: `needs the file ${quote(inside.slice('file:'.length), 200)}, which cannot be read (${code})`,
      mend: `Make it readable for this process at ${quote(path, 200)}.`,
    }
  }
}
