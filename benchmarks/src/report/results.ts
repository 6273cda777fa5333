import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SuiteResult } from '../measure/result.ts'

const RESULTS = fileURLToPath(new URL('../../results/', import.meta.url))

/** Takes the place of the suite's last run; quick runs are kept apart. Returns where it is. */
export function saveResult(result: SuiteResult): string {
  const file = fileOf(result.suite, result.isQuick)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(result, undefined, 2)}\n`)
  return file
}

export function savedResult(suite: string, isQuick = false): SuiteResult | undefined {
  const file = fileOf(suite, isQuick)
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

function fileOf(suite: string, isQuick: boolean): string {
  return path.join(RESULTS, isQuick ? 'quick' : '', `${suite}.json`)
}
