import { readFileSync } from 'node:fs'
import {
  type Machine as Described,
  describeMachine,
} from '../../../packages/reliability/src/report/machine.ts'

/** What the figures depend on. */
export interface Machine extends Described {
  /** Of the packages that are compared, by name. */
  readonly versions: Readonly<Record<string, string>>
}

const COMPARED = ['express', 'fastify', 'knex', 'pg', 'pg-pool', 'tarn', 'generic-pool'] as const

export async function describe(): Promise<Machine> {
  return {
    ...(await describeMachine()),
    versions: Object.fromEntries(COMPARED.map((name) => [name, versionOf(name)])),
  }
}

function versionOf(name: string): string {
  const manifest = new URL(`../../node_modules/${name}/package.json`, import.meta.url)
  return JSON.parse(readFileSync(manifest, 'utf8')).version
}
