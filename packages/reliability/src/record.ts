import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { isLong } from '@sherd/local-servers/test-scale'

/** Where the long run leaves what it measured, a file a measurement. */
export const RESULTS = fileURLToPath(new URL('../results', import.meta.url))

/** What a test measured of a row of the fault matrix, beside the figure that was asked for. */
export interface Measurement {
  readonly measured: number
  readonly figure: number
  /** Of both, for instance `ms (p50)` or `foreign rows in 100,000 requests`. */
  readonly unit: string
  readonly met: boolean
  /** Tells several measurements of one row apart. */
  readonly name?: string
}

export interface RecordedMeasurement extends Measurement {
  readonly row: number
}

/** Keeps a measurement for the report; only a long run does, as only its figures count. */
export function record(row: number, measurement: Measurement): void {
  if (!isLong) return
  mkdirSync(RESULTS, { recursive: true })
  const recorded: RecordedMeasurement = { row, ...measurement }
  const suffix = measurement.name === undefined ? '' : `-${measurement.name.replaceAll(/\W+/g, '-')}`
  const file = `fault-${String(row).padStart(2, '0')}${suffix}.json`
  writeFileSync(path.join(RESULTS, file), `${JSON.stringify(recorded, undefined, 2)}\n`)
}
