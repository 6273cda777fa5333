import { existsSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Knex } from 'knex'
import type { MigrationSettings } from './migrate-options.ts'

/** One file; knex's table has its name alone. */
export interface MigrationFile {
  readonly file: string
  readonly folder: string
}

const EXTENSIONS = ['.js', '.cjs', '.mjs', '.ts', '.cts', '.mts']

/**
 * The migrations in one or several folders, as knex itself reads them, and under the same names: but ES modules under any
 * name, no type declarations, and each folder once for all shards.
 */
export class MigrationFolders implements Knex.MigrationSource<MigrationFile> {
  readonly #settings: MigrationSettings
  #files: Promise<MigrationFile[]> | undefined

  constructor(settings: MigrationSettings) {
    this.#settings = settings
  }

  /** Rejects with TypeError for a folder that cannot be read, and for files of one name. */
  getMigrations(): Promise<MigrationFile[]> {
    this.#files ??= this.#read()
    return this.#files
  }

  getMigrationName({ file }: MigrationFile): string {
    return file
  }

  /** Rejects with an error that names the file: what is wrong in it says nothing of that. */
  async getMigration({ folder, file }: MigrationFile): Promise<Knex.Migration> {
    const path = join(folder, file)
    try {
      const loaded = isModule(path) ? await import(pathToFileURL(path).href) : createRequire(path)(path)
      // What CommonJS exports, where it came by `import`; and `export default { up, down }`.
      return 'up' in loaded ? loaded : (loaded.default ?? loaded)
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new Error(`The migration ${path} cannot be loaded: ${why}`, { cause })
    }
  }

  async #read(): Promise<MigrationFile[]> {
    const { directory = './migrations', sortDirsSeparately = false } = this.#settings
    const given = typeof directory === 'string' ? [directory] : directory
    const folders = await Promise.all(given.map((folder) => this.#filesIn(folder)))
    const files = sortDirsSeparately ? folders.flat() : folders.flat().sort(byName)
    const homes = new Map<string, string>()
    for (const { file, folder } of files) {
      const other = homes.get(file)
      if (other !== undefined)
        throw new TypeError(
          `Two migrations have the name "${file}", in ${other} and in ${folder}: knex would run one of them.`,
        )
      homes.set(file, folder)
    }
    return files
  }

  async #filesIn(given: string): Promise<MigrationFile[]> {
    const { loadExtensions = EXTENSIONS } = this.#settings
    const folder = resolve(given)
    const names = await readdir(folder).catch((cause) => {
      const seen = folder === given ? '' : ` ("${given}", seen from ${process.cwd()})`
      throw new TypeError(
        `The folder of the migrations cannot be read: ${folder}${seen}. Set its \`directory\`.`,
        { cause },
      )
    })
    return names
      .filter((name) => loadExtensions.includes(extname(name)) && !/\.d\.[cm]?ts$/.test(name))
      .sort()
      .map((file) => ({ file, folder }))
  }
}

function byName(one: MigrationFile, other: MigrationFile): number {
  return one.file < other.file ? -1 : Number(one.file > other.file)
}

/** Whether Node takes a file for an ES module (https://nodejs.org/api/packages.html#determining-module-system). */
function isModule(path: string): boolean {
  if (/\.[cm][jt]s$/.test(path)) return /\.m[jt]s$/.test(path)
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json')
    if (existsSync(manifest)) return JSON.parse(readFileSync(manifest, 'utf8')).type === 'module'
    if (dirname(folder) === folder || basename(folder) === 'node_modules') return false
  }
}
