import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { VARIANT_NAMES, type VariantName } from '../chaos/host/host-calls.ts'
import type { ChaosResult } from '../chaos/run-chaos.ts'
import { RESULTS } from '../record.ts'
import type { Machine } from './machine.ts'

/** A chaos run as it is kept for the report. */
export interface SavedChaos {
  /** ISO 8601. */
  readonly at: string
  readonly machine: Machine
  readonly result: ChaosResult
}

/** Takes the place of the variant's last run. */
export function saveChaos(saved: SavedChaos): void {
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(fileOf(saved.result.options.variant), `${JSON.stringify(saved, undefined, 2)}\n`)
}

/** The last run of each variant that has been kept. */
export function savedChaos(): SavedChaos[] {
  return VARIANT_NAMES.map(fileOf)
    .filter((file) => existsSync(file))
    .map((file) => JSON.parse(readFileSync(file, 'utf8')))
}

function fileOf(variant: VariantName): string {
  return path.join(RESULTS, `chaos-${variant.replaceAll(' ', '-')}.json`)
}
