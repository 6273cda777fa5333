import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import type { ConfigObject } from '../../src/config/config-object.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { ConfigInvalidError } from '../../src/errors.ts'

/** Runs each test of the file in an empty folder of its own, so that messages show short paths. */
export function inEmptyFolder(): void {
  const home = process.cwd()
  let folder: string

  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'sherd-config-')))
    process.chdir(folder)
  })
  afterEach(() => {
    process.chdir(home)
    rmSync(folder, { recursive: true })
  })
}

/** Writes files, by their path from the working directory. */
export function write(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
}

/** The text of the error that a configuration is refused with; the test's folder is called `<folder>`. */
export function refusal(source?: string | ConfigObject, env: NodeJS.ProcessEnv = {}): string {
  return refusalError(source, env).message.replaceAll(process.cwd(), '<folder>')
}

export function refusalError(
  source?: string | ConfigObject,
  env: NodeJS.ProcessEnv = {},
): ConfigInvalidError {
  try {
    loadConfig(source, env)
  } catch (error) {
    if (error instanceof ConfigInvalidError) return error
    throw error
  }
  throw new Error('The configuration was accepted')
}

/** A shard file that is right. */
export const GOOD_SHARD = 'client: pg\nconnection: postgres://db.example/app\n'
