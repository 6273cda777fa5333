import type { Binding } from './binding.ts'
import { isPlainRead } from './plain-read.ts'

/** Runs a statement under the eyes of its scope's watch. In a transaction it is over when that is. */
export function watched<T>({ rules, transaction }: Binding, sql: string, run: () => Promise<T>): Promise<T> {
  const { writes } = rules
  if (writes === undefined || isPlainRead(sql)) return run()
  writes.begun()
  const result = run()
  return transaction === undefined ? result.finally(() => writes.ended()) : result
}
