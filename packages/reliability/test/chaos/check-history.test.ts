import { expect, test } from 'vitest'
import { checkHistory } from '../../src/chaos/history/check-history.ts'
import type { Rule } from '../../src/chaos/history/findings.ts'
import type {
  AnswerRecord,
  FaultRecord,
  HistoryRecord,
  ReadRecord,
  RestRecord,
  RowRecord,
  StartRecord,
  StatementRecord,
} from '../../src/chaos/history/history-record.ts'
import { type Kind, type PlannedRequest, plannedRequest } from '../../src/chaos/plan/planned-request.ts'

// Made-up histories: what each must be accused of, and what not.

/** Ten requests of two tenants on two shards, of whatever kind the test wants. */
function planOf(kind: Kind, writes: readonly number[] = []): (id: number) => PlannedRequest {
  return (id) => ({
    ...plannedRequest(1, id),
    id,
    kind,
    tenant: id % 2 === 0 ? 'even' : 'odd',
    shard: id % 2 === 0 ? 'shard_0' : 'shard_1',
    writes,
    isAtomic: kind === 'transaction',
    expectedStatus: 200,
  })
}

function accusations(
  records: readonly HistoryRecord[],
  plan = planOf('read'),
): Partial<Record<Rule, number>> {
  const { all } = checkHistory(records, plan)
  return Object.fromEntries(
    Object.entries(all)
      .filter(([, { count }]) => count > 0)
      .map(([rule, { count }]) => [rule, count]),
  )
}

const answer = (id: number, more: Partial<AnswerRecord> = {}): AnswerRecord => ({
  t: 'answer',
  id,
  from: 1000,
  to: 1010,
  outcome: 'answered',
  status: 200,
  ...more,
})
const row = (id: number, step: number, more: Partial<RowRecord> = {}): RowRecord => ({
  t: 'row',
  id,
  step,
  shard: id % 2 === 0 ? 'shard_0' : 'shard_1',
  tenant: id % 2 === 0 ? 'even' : 'odd',
  sessionTenant: null,
  ...more,
})
const start = (more: Partial<StartRecord>): StartRecord => ({
  t: 'start',
  id: 0,
  tenant: null,
  searchPath: '"$user", public',
  hasTempTable: false,
  ...more,
})
const read = (id: number, tenants: (string | null)[], more: Partial<ReadRecord> = {}): ReadRecord => ({
  t: 'read',
  id,
  what: 'rows',
  tenants,
  isOver: false,
  ...more,
})
const rest = (more: Partial<RestRecord>): RestRecord => ({
  t: 'rest',
  process: 'express',
  when: 'idle',
  leases: 0,
  waiting: 0,
  connections: 8,
  sessions: 8,
  max: 8,
  ...more,
})
const owned = (owner: string, session = 's'): StatementRecord => ({
  t: 'statement',
  session,
  what: { kind: 'owned', owner },
})
const reset: StatementRecord = { t: 'statement', session: 's', what: { kind: 'reset' } }
const failedReset: StatementRecord = { t: 'statement', session: 's', what: { kind: 'failed reset' } }
const fault = (more: Partial<FaultRecord> = {}): FaultRecord => ({
  t: 'fault',
  fault: { kind: 'reset', shard: 0 },
  shards: ['shard_0'],
  from: 5000,
  to: 6000,
  ...more,
})

test('a good history is accused of nothing', () => {
  const good: HistoryRecord[] = [
    start({}),
    start({ tenant: '' }),
    read(2, ['even']),
    read(2, []),
    answer(2, { echo: { id: 2, tenant: 'even' } }),
    row(2, 0, { sessionTenant: 'even' }),
    row(2, 1),
    rest({}),
    rest({ when: 'closed', connections: 0, sessions: 0 }),
    { t: 'exit', process: 'express', byItself: true },
    ...[owned('2'), owned('2'), reset, owned('4'), reset, owned('2')],
  ]
  expect(accusations(good, planOf('transaction', [0, 1]))).toEqual({})
})

test("rows, settings and temporary tables of another tenant's are found", () => {
  expect(accusations([read(1, ['odd', 'even'])])).toEqual({ foreignRows: 1 })
  expect(accusations([read(1, ['even'], { what: 'setting' })])).toEqual({ foreignSettings: 1 })
  expect(accusations([read(1, ['even'], { what: 'temp table', isOver: true })])).toEqual({
    foreignSettings: 1,
  })
})

test('a setting that is gone is found before the response, and no matter after it', () => {
  for (const none of [null, '']) {
    expect(accusations([read(1, [none], { what: 'setting' })])).toEqual({ foreignSettings: 1 })
    expect(accusations([read(1, [none], { what: 'setting', isOver: true })])).toEqual({})
  }
})

test('whatever a session still carries at the start is found', () => {
  for (const left of [
    { tenant: 'odd' },
    { searchPath: 'scratch' },
    { hasTempTable: true },
    { advisoryLocks: 1 },
  ] satisfies Partial<StartRecord>[])
    expect(accusations([start(left)])).toEqual({ stateLeftBehind: 1 })
})

test('an acknowledged write has to be there, and once', () => {
  const write = planOf('write', [0])
  expect(accusations([answer(2)], write)).toEqual({ lostWrites: 1 })
  expect(accusations([answer(2), row(2, 0)], write)).toEqual({})
  expect(accusations([row(2, 0), answer(2)], write)).toEqual({})
  expect(accusations([answer(2), row(2, 0), row(2, 0)], write)).toEqual({ doubledWrites: 1 })
})

test('a write that was not acknowledged may be there, but not twice', () => {
  const write = planOf('write', [0])
  const refused = answer(2, { status: 503 })
  expect(accusations([fault({ from: 900 }), refused], write)).toEqual({})
  expect(accusations([fault({ from: 900 }), refused, row(2, 0)], write)).toEqual({})
  expect(accusations([answer(2, { outcome: 'aborted' }), row(2, 0), row(2, 0)], write)).toEqual({
    doubledWrites: 1,
  })
})

test('a transaction is there in full, or not at all', () => {
  const transaction = planOf('transaction', [0, 1])
  const aborted = answer(2, { outcome: 'aborted' })
  expect(accusations([aborted, row(2, 0), row(2, 1)], transaction)).toEqual({})
  expect(accusations([aborted, row(2, 1)], transaction)).toEqual({ tornTransactions: 1 })
  expect(accusations([row(2, 0)], planOf('rollback'))).toEqual({ tornTransactions: 1 })
})

test("a row for another tenant, on another's shard or out of another's session is found", () => {
  expect(accusations([row(2, 0, { tenant: 'odd' })])).toEqual({ foreignWrites: 1 })
  expect(accusations([row(2, 0, { shard: 'shard_1' })])).toEqual({ foreignWrites: 1 })
  expect(accusations([row(2, 0, { sessionTenant: 'odd' })])).toEqual({ foreignWrites: 1 })
})

test('two owners at once on one connection are found, sessions apart', () => {
  expect(accusations([owned('a'), owned('b'), owned('a')])).toEqual({
    dirtyHandovers: 1,
    sharedConnections: 1,
  })
  expect(accusations([owned('a'), reset, owned('b'), reset, owned('a')])).toEqual({})
  expect(accusations([owned('a', 's'), owned('b', 'other'), owned('a', 's')])).toEqual({})
})

test('a connection that is handed on without a reset, or with a failed one, is found', () => {
  expect(accusations([owned('a'), owned('b')])).toEqual({ dirtyHandovers: 1 })
  expect(accusations([owned('a'), reset, failedReset, owned('b')])).toEqual({ dirtyHandovers: 1 })
  expect(accusations([owned('a'), reset, failedReset, reset, owned('b')])).toEqual({})
})

test('an answer of another request, or none, is found', () => {
  expect(accusations([answer(2, { echo: { id: 4, tenant: 'even' } })])).toEqual({ foreignAnswers: 1 })
  expect(accusations([answer(2, { echo: { id: 2, tenant: 'odd' } })])).toEqual({ foreignAnswers: 1 })
  expect(accusations([fault(), answer(2, { from: 5000, outcome: 'silent' })])).toEqual({ unanswered: 1 })
})

test('only a fault of its shard, now or in the last two seconds, excuses a failure', () => {
  const failed = (from: number, id = 2) => answer(id, { from, to: from + 10, status: 503 })
  expect(accusations([failed(5500), fault()])).toEqual({})
  expect(accusations([fault(), failed(7900)])).toEqual({})
  expect(accusations([fault(), failed(4990)])).toEqual({})
  expect(accusations([fault(), failed(8100)])).toEqual({ failuresWithoutFault: 1 })
  expect(accusations([fault(), failed(4900)])).toEqual({ failuresWithoutFault: 1 })
  expect(accusations([fault(), failed(5500, 3)])).toEqual({ failuresWithoutFault: 1 })
  expect(accusations([answer(2, { outcome: 'broken' })])).toEqual({ failuresWithoutFault: 1 })
  expect(accusations([answer(2, { outcome: 'aborted' })])).toEqual({})
})

test('what is still held, open or running at the end is counted', () => {
  expect(accusations([rest({ leases: 2, waiting: 1 })])).toEqual({ leakedLeases: 3 })
  expect(accusations([rest({ sessions: 10 })])).toEqual({ sessionsAboveMax: 2 })
  expect(accusations([rest({ when: 'closed', sessions: 1, connections: 0 })])).toEqual({
    sessionsAboveMax: 1,
  })
  expect(accusations([{ t: 'exit', process: 'express', byItself: false }])).toEqual({ stuckProcesses: 1 })
  expect(
    accusations([{ t: 'incident', process: 'express', what: 'unhandled rejection', message: 'lost' }]),
  ).toEqual({ incidents: 1 })
})

test('a heap that grows with the requests is found, one that only warms up or swings is not', () => {
  const heap = (bytes: (sample: number) => number): HistoryRecord[] =>
    Array.from({ length: 20 }, (_, sample) => ({
      t: 'heap',
      process: 'express',
      requests: sample * 10_000,
      bytes: bytes(sample),
    }))
  expect(accusations(heap((sample) => 30e6 + sample * 1e6))).toEqual({ growingHeaps: 1 })
  expect(
    accusations(heap((sample) => (sample < 4 ? 10e6 + sample * 5e6 : 30e6 + (sample % 2) * 1e5))),
  ).toEqual({})
})
