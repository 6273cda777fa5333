import { type FSWatcher, watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import { runInRootContext } from '../util/root-context.ts'

/** For so long nothing more has to happen: a file that is being written is not read half. */
const QUIET_MS = 100

/** After this it is looked at in any case. */
const PATIENCE_MS = 1000

export interface FolderWatchOptions {
  /** Looked up anew whenever something has changed. */
  readonly folders: () => readonly string[]
  readonly onChange: () => void
  /** A folder is there and cannot be watched, such as when the system has no watches left. */
  readonly onFailure: (error: unknown) => void
}

/**
 * Tells that something in some folders has changed, once for all that happens at a time. It keeps no process alive.
 *
 * A folder is watched by what it is and not by its name: one that is renamed is followed, one that takes its place is not
 * seen (https://nodejs.org/api/fs.html#inodes). So the folder above is watched as well, and after each change all of
 * them are looked up again. So it sees editors that replace files, and the links that Kubernetes exchanges.
 */
export class FolderWatch {
  readonly #options: FolderWatchOptions
  #watchers: readonly FSWatcher[] = []
  #timer: NodeJS.Timeout | undefined
  #firstAt: number | undefined
  #isClosed = false

  constructor(options: FolderWatchOptions) {
    this.#options = options
    this.refresh()
  }

  /** Looks the folders up again. */
  refresh(): void {
    if (this.#isClosed) return
    const watchers = runInRootContext(() => this.#options.folders().flatMap((folder) => this.#watch(folder)))
    for (const watcher of this.#watchers) watcher.close()
    this.#watchers = watchers
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    for (const watcher of this.#watchers) watcher.close()
    this.#watchers = []
  }

  #watch(folder: string): FSWatcher[] {
    const name = basename(folder)
    return [
      ...this.#open(folder, () => this.#noted()),
      ...this.#open(dirname(folder), (changed) => {
        if (changed === name || changed === null) this.#noted()
      }),
    ]
  }

  #open(folder: string, onChange: (name: string | null) => void): FSWatcher[] {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => onChange(name))
      watcher.on('error', (error) => this.#options.onFailure(error))
      return [watcher]
    } catch (error) {
      // The folder above tells when it is back.
      if ((error as { code?: string }).code !== 'ENOENT') this.#options.onFailure(error)
      return []
    }
  }

  #noted(): void {
    if (this.#isClosed) return
    const now = performance.now()
    this.#firstAt ??= now
    const delay = Math.max(0, Math.min(QUIET_MS, this.#firstAt + PATIENCE_MS - now))
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#tell(), delay).unref()
  }

  #tell(): void {
    this.#firstAt = undefined
    // First, so that what happens while the files are read is seen.
    this.refresh()
    this.#options.onChange()
  }
}
