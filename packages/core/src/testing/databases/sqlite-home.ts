import { copyFile, mkdir, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ShardConfig } from '../../config/resolved-config.ts'
import { discreetConnection } from '../../util/discreet.ts'
import type { DatabaseHome } from './database-home.ts'
import { isStale } from './temporary-name.ts'

/** A folder each, for SQLite keeps more files beside its own. */
export function sqliteHome({ connection }: ShardConfig): DatabaseHome {
  const remove = (name: string) => rm(join(tmpdir(), name), { recursive: true, force: true })
  return {
    async create(name, template) {
      for (const stale of (await readdir(tmpdir())).filter(isStale)) await remove(stale).catch(() => {})
      const filename = join(tmpdir(), name, 'shard.db')
      await mkdir(join(tmpdir(), name))
      if (template !== undefined) await copyFile(template, filename)
      return typeof connection === 'object' ? discreetConnection({ ...connection, filename }) : { filename }
    },
    drop: remove,
  }
}
