import type { Binding } from './binding.ts'
import { isPlainRead } from './plain-read.ts'

/** Is told what a scope writes to its shard, where that matters to those who read it afterwards. */
export interface WriteWatch {
  /** Something that may write is about to run. */
  begun(): void
  /** It is over, whatever became of it. Never rejects; awaited before anybody is told of the outcome. */
  ended(): void | Promise<void>
  /** A transaction is over: as `ended`, if anything has begun. */
  committed(): void | Promise<void>
}

/** Runs a statement under the eyes of its scope's watch. In a transaction it is over when that is. */
export function watched<T>({ rules, transaction }: Binding, sql: string, run: () => Promise<T>): Promise<T> {
  const { writes } = rules
  if (writes === undefined || isPlainRead(sql)) return run()
  writes.begun()
  const result = run()
  return transaction === undefined ? result.finally(() => writes.ended()) : result
}
