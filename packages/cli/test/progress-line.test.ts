import type { MigrationOutcome, MigrationProgress } from '@sherd/core'
import { expect, test } from 'vitest'
import { progressLine } from '../src/migrate/progress-line.ts'
import { plain } from '../src/style.ts'

const done = (outcome: object) =>
  ({
    type: 'shard-done',
    outcome: { migrations: [], batch: 1, durationMs: 41, ...outcome } as unknown as MigrationOutcome,
  }) as const

test.each<[string | undefined, Pick<MigrationProgress, 'type'>]>([
  [undefined, { type: 'shard-started' }],
  ['shard_0: waiting for another run that is at work on it', { type: 'lock-waiting' }],
  ['[3/50] shard_0: 1 migration, 41 ms', done({ status: 'migrated', migrations: ['1.js'] })],
  [
    '[3/50] shard_0: 2 migrations, 1.3 s',
    done({ status: 'migrated', migrations: ['1.js', '2.js'], durationMs: 1250 }),
  ],
  ['[3/50] shard_0: nothing to do, 2 min 5 s', done({ status: 'unchanged', durationMs: 125_000 })],
  ['[3/50] shard_0: failed, 41 ms: no luck', done({ status: 'failed', error: new Error('no luck') })],
  ['[3/50] shard_0: skipped', done({ status: 'skipped', reason: 'aborted' })],
])('%s', (line, progress) => {
  const where = { shard: 'shard_0', doneCount: 3, totalCount: 50 }
  expect(progressLine({ ...where, ...progress } as MigrationProgress, plain)).toBe(line)
})
