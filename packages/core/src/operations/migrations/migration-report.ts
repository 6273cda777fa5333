import { MigrationFailedError, type MigrationOutcome, type MigrationReport } from '../../errors.ts'

export function reportOf(outcomes: Readonly<Record<string, MigrationOutcome>>): MigrationReport {
  const counts = { migrated: 0, unchanged: 0, failed: 0, skipped: 0 }
  for (const { status } of Object.values(outcomes)) counts[status]++
  return Object.freeze({
    ok: counts.failed + counts.skipped === 0,
    counts: Object.freeze(counts),
    shards: Object.freeze(outcomes),
  })
}

/** How many shards a message names with what they failed with; all are in `report`. */
const DESCRIBED = 5

/** What a run that was not `ok` rejects with. */
export function failedError(report: MigrationReport, signal: AbortSignal | undefined): MigrationFailedError {
  const entries = Object.entries(report.shards)
  const failed = entries.flatMap(([shard, outcome]) =>
    outcome.status === 'failed' ? [{ shard, ...outcome }] : [],
  )
  const lines = failed.slice(0, DESCRIBED).map(({ shard, migration, error }) => {
    const where = migration === undefined ? '' : ` (${migration})`
    const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    return `\n  ${shard}${where}: ${what}`
  })
  if (failed.length > DESCRIBED) lines.push(`\n  … and ${failed.length - DESCRIBED} more`)
  const skipped = entries.filter(([, { status }]) => status === 'skipped').map(([shard]) => shard)
  if (skipped.length > 0) {
    const more = skipped.length > DESCRIBED ? `, … and ${skipped.length - DESCRIBED} more` : ''
    lines.push(`\n  not begun: ${skipped.slice(0, DESCRIBED).join(', ')}${more}`)
  }
  const { migrated, unchanged } = report.counts
  const [first] = failed
  return new MigrationFailedError(
    `${migrated + unchanged} of ${entries.length} shards are done${signal?.aborted ? ', and the signal has aborted' : ''}. ` +
      `Run it again to go on with the others:${lines.join('')}`,
    { report, cause: first === undefined ? signal?.reason : first.error },
  )
}
