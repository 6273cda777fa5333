import { once } from 'node:events'
import { createReadStream, createWriteStream, type WriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { HistoryRecord } from './history-record.ts'

/** What one process observes, a line of JSON each. */
export class HistoryWriter {
  readonly #file: WriteStream

  constructor(path: string) {
    this.#file = createWriteStream(path, { flags: 'a' })
  }

  add(record: HistoryRecord): void {
    this.#file.write(`${JSON.stringify(record)}\n`)
  }

  /** Resolves once everything is in the file. */
  async close(): Promise<void> {
    this.#file.end()
    await once(this.#file, 'close')
  }
}

export async function* readHistory(path: string): AsyncGenerator<HistoryRecord> {
  for await (const line of linesOf(path)) yield JSON.parse(line) as HistoryRecord
}

export function linesOf(path: string): AsyncIterable<string> {
  return createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })
}
