import { readdirSync, readFileSync, type Stats, statSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import { ConfigSource } from './config-source.ts'
import { parseText } from './parse-text.ts'
import { complainAboutName } from './shard-name.ts'
import { shownPath } from './shown-path.ts'

/** A source and what its file says; `content` is undefined where the file cannot be read. */
export interface Found {
  readonly source: ConfigSource
  readonly content: unknown
}

const EXTENSIONS = ['.yaml', '.yml', '.json']
const MAIN_FILES = EXTENSIONS.map((extension) => `sharding${extension}`)

// So that shard_2 comes before shard_10, on every machine.
const collator = new Intl.Collator('en', { numeric: true })

/** Reads `sharding.yaml` (or `.yml`, `.json`) of a directory. A directory without one has only defaults. */
export function findMainFile(directory: string): Found {
  const there = MAIN_FILES.filter((name) => isThere(join(directory, name)))
  const path = join(directory, there[0] ?? 'sharding.yaml')
  const source = new ConfigSource({ file: shownPath(path), folder: directory })
  if (there.length > 1) {
    const others = there.slice(1).map((name) => `\`${name}\``)
    source.report([], {
      message: `is not the only one: ${others.join(' and ')} stands beside it`,
      mend: 'Keep one of the files.',
    })
  }
  return { source, content: there.length === 0 ? {} : readContent(path, source) }
}

/** Reads the shard files of a directory, one a shard, in the order of their names. */
export function findShardFiles(directory: string): Found[] {
  const names = listFolder(directory)
  const first = firstOfEachShard(names)
  const found = names.map((name) => findShardFile(join(directory, name), first))
  if (found.length > 0) return found
  const source = new ConfigSource({ file: shownPath(directory), folder: directory })
  source.report([], {
    message: `${isThere(directory) ? 'has no shard file' : 'does not exist'}, so there is no database to go to`,
    mend:
      'Write one file a shard there, such as `shard_0.yaml` with a `connection`. ' +
      'Where to look is said by the option `config`, else by SHERD_CONFIG, else it is `./config`.',
  })
  return [{ source, content: undefined }]
}

function listFolder(directory: string): string[] {
  try {
    const names = readdirSync(directory).filter((name) => !name.startsWith('.'))
    return names.sort((a, b) => collator.compare(a, b) || (a < b ? -1 : 1))
  } catch {
    return []
  }
}

/** The first file of each shard: with thousands of files, nobody looks for it among all of them for each. */
function firstOfEachShard(names: readonly string[]): ReadonlyMap<string, string> {
  const first = new Map<string, string>()
  for (const name of names) {
    const extension = extname(name)
    const shard = basename(name, extension)
    if (EXTENSIONS.includes(extension) && !first.has(shard)) first.set(shard, name)
  }
  return first
}

function findShardFile(path: string, firstOf: ReadonlyMap<string, string>): Found {
  const extension = extname(path)
  const shard = basename(path, extension)
  const source = new ConfigSource({ file: shownPath(path), folder: dirname(path), shard })
  if (!EXTENSIONS.includes(extension) || !mayBeFile(path)) {
    source.report([], {
      message: 'is no shard file: those end in `.yaml`, `.yml` or `.json` and stand directly in this folder',
      mend: 'Rename it, move it elsewhere, or put a dot in front of its name to have it ignored.',
    })
    return { source, content: undefined }
  }
  const badName = complainAboutName(shard)
  if (badName !== undefined) source.report([], badName)
  const first = firstOf.get(shard)
  if (first !== undefined && first !== basename(path)) {
    source.report([], {
      message: `describes the shard \`${shard}\` a second time, after \`${first}\``,
      mend: 'Keep one of the two files.',
    })
  }
  return { source, content: readContent(path, source) }
}

function readContent(path: string, source: ConfigSource): unknown {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    source.report([], { message: `cannot be read (${code})`, mend: 'Make it readable for this process.' })
    return undefined
  }
  return parseText(text, source)
}

function isThere(path: string): boolean {
  return statusOf(path) !== undefined
}

/** Also where nobody can say: then reading it says why not. */
function mayBeFile(path: string): boolean {
  return statusOf(path)?.isFile() ?? true
}

function statusOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    // Not ours to look at, or no path at all: for us it is not there.
    return undefined
  }
}
