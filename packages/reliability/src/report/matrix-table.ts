import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { matrix } from '../matrix.ts'
import { RESULTS, type RecordedMeasurement } from '../record.ts'
import { table, thousands } from './markdown.ts'

/** All rows of the fault matrix, with what the last long run has measured. */
export function matrixTable(measured: readonly RecordedMeasurement[] = recordedMeasurements()): string {
  return table(
    ['#', 'fault', 'expected', 'figure', 'measured'],
    matrix.map(({ number, fault, expected, figure }) => [
      String(number),
      fault,
      expected,
      figure ?? '',
      measured
        .filter(({ row }) => row === number)
        .map(shown)
        .join('; '),
    ]),
  )
}

function shown({ name, measured, unit, met }: RecordedMeasurement): string {
  const value = Number.isInteger(measured) ? thousands(measured) : String(Math.round(measured * 10) / 10)
  return `${name === undefined ? '' : `${name}: `}${value} ${unit}${met ? '' : ' (**missed**)'}`
}

export function recordedMeasurements(): RecordedMeasurement[] {
  if (!existsSync(RESULTS)) return []
  return readdirSync(RESULTS)
    .filter((file) => file.startsWith('fault-'))
    .sort()
    .map((file) => JSON.parse(readFileSync(path.join(RESULTS, file), 'utf8')))
}
