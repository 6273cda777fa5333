import { inspect } from 'node:util'
import type { ConfigProblem } from '../errors.ts'
import { escapeControls } from '../util/quote.ts'
import { redact } from '../util/redact.ts'
import { formatPath, type Path } from './path.ts'

/** What is wrong at one place and what to do about it. */
export interface Complaint {
  readonly message: string
  readonly mend: string
  /** The offending value as it may be shown, from {@link showValue}; absent where there is none. */
  readonly shown?: string | undefined
}

/**
 * One piece of configuration that users think of as a whole: a file, or one shard of a configuration object.
 * Whatever is found wrong with it is noted here, so that the report follows the order of the files.
 */
export class ConfigSource {
  /** As the user would open it; `config` for a configuration object. */
  readonly file: string
  /** Folder that `${file:…}` starts from. */
  readonly folder: string
  /** Name of the shard that is described here; undefined for what concerns all shards. */
  readonly shard: string | undefined
  readonly #place: (path: Path) => Path
  readonly #problems: { readonly path: Path; readonly problem: ConfigProblem }[] = []
  #rank: (path: Path) => readonly number[] = () => []

  constructor(about: { file: string; folder: string; shard?: string; place?: (path: Path) => Path }) {
    this.file = about.file
    this.folder = about.folder
    this.shard = about.shard
    this.#place = about.place ?? ((path) => path)
  }

  /** Where in the file a path of this source's content stands. */
  place(path: Path): string {
    return formatPath(this.#place(path))
  }

  report(at: Path, { message, mend, shown }: Complaint): void {
    const path = this.#place(at)
    const problem = { file: this.file, path: formatPath(path), value: shown, message, mend }
    // What a thousand shards inherit is wrong once.
    const isKnown = this.#problems.some(
      (known) => known.problem.path === problem.path && known.problem.message === message,
    )
    if (!isKnown) this.#problems.push({ path, problem })
  }

  /** Tells the order in which the content's keys were written, which the report follows. */
  orderBy(content: unknown): void {
    this.#rank = (path) => rankIn(content, path)
  }

  get isSound(): boolean {
    return this.#problems.length === 0
  }

  /** What is wrong, in the order of the file. */
  get problems(): readonly ConfigProblem[] {
    return this.#problems
      .map((entry) => ({ ...entry, rank: this.#rank(entry.path) }))
      .sort((a, b) => compareRanks(a.rank, b.rank))
      .map((entry) => entry.problem)
  }
}

/** A value as a problem may show it: redacted, on one line, short. */
export function showValue(value: unknown, path: Path = []): string {
  const key = path.findLast((segment) => typeof segment === 'string')
  const inConnection = path.includes('connection') && typeof value !== 'object'
  const named = redact({ [inConnection ? 'connection' : (key ?? '')]: value }) as Record<string, unknown>
  const text = inspect(Object.values(named)[0], {
    depth: 2,
    breakLength: Number.POSITIVE_INFINITY,
    maxStringLength: 60,
    maxArrayLength: 5,
  })
  const line = escapeControls(text.replace(/\s*\n\s*/g, ' '))
  return line.length > 120 ? `${line.slice(0, 120)}…` : line
}

function rankIn(content: unknown, path: Path): number[] {
  const rank: number[] = []
  let at = content
  for (const segment of path) {
    if (typeof at !== 'object' || at === null) break
    const keys = Object.keys(at)
    const index = keys.indexOf(String(segment))
    rank.push(index === -1 ? keys.length : index)
    at = Object.hasOwn(at, segment) ? Reflect.get(at, segment) : undefined
  }
  return rank
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? -1) - (b[index] ?? -1)
    if (difference !== 0) return difference
  }
  return 0
}
