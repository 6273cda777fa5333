import { type StatementShape, statementShape } from './statement-shape.ts'

/** Longer statements are not looked at: to read them would cost more than the scrub. */
const LONGEST = 8192
/** Statements that are remembered; lists of different lengths make different statements. */
const REMEMBERED = 2000

/** Their effect ends with the transaction, which ends before its session is lent again. */
const OF_TRANSACTIONS =
  /^(?:begin(?: transaction(?: isolation level (?:read uncommitted|read committed|repeatable read|serializable))?(?: read only)?)?|commit|rollback|(?:savepoint|release savepoint|rollback to savepoint) trx\d+);?$/i

/** What a process has learnt of statements, by their text: newest in `recent`, which becomes `older` when it is full. */
let recent = new Map<string, StatementShape | null>()
let older: typeof recent = new Map()

/** {@link statementShape}, remembered: its answer depends on the text alone. */
export function knownShape(sql: string): StatementShape | undefined {
  let shape = recent.get(sql)
  if (shape !== undefined) return shape ?? undefined
  if (sql.length > LONGEST) return undefined
  shape = older.get(sql) ?? statementShape(sql) ?? null
  if (recent.size >= REMEMBERED / 2) {
    older = recent
    recent = new Map()
  }
  recent.set(sql, shape)
  return shape ?? undefined
}

/** Whether a statement begins or ends a transaction, or a part of one, and does nothing else. */
export function isOfTransaction(sql: string): boolean {
  return OF_TRANSACTIONS.test(sql)
}
