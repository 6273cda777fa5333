import { MigrationFailedError, type MigrationReport, type RollbackOptions } from '@sherd/core'
import type { Answer } from '../answer.ts'
import { checkedInput } from '../checked-input.ts'
import { interruptible } from '../interruption.ts'
import { styleFor } from '../style.ts'
import type { Surroundings } from '../surroundings.ts'
import { migrationDocument } from './migration-document.ts'
import { migrationTable } from './migration-table.ts'
import { progressLine } from './progress-line.ts'

/** Migrates, tells on standard error what happens meanwhile, and answers what became of each shard. */
export async function runMigrations(
  run: (options: RollbackOptions) => Promise<MigrationReport>,
  options: RollbackOptions,
  surroundings: Surroundings,
): Promise<Answer> {
  const { stderr, env } = surroundings
  const style = styleFor(stderr, env)
  const report = await interruptible(surroundings, (signal) =>
    reportOf(
      run({
        ...options,
        signal,
        onProgress(progress) {
          const line = progressLine(progress, style)
          if (line !== undefined) stderr.write(`${line}\n`)
        },
      }),
    ),
  )
  return {
    exitCode: report.ok ? 0 : 1,
    document: migrationDocument(report),
    text: (style) => migrationTable(report, style),
  }
}

/** Also of a run that has failed: it says on which shards, and why. */
async function reportOf(running: Promise<MigrationReport>): Promise<MigrationReport> {
  try {
    return await checkedInput(running)
  } catch (error) {
    if (error instanceof MigrationFailedError) return error.report
    throw error
  }
}
